"""The story that the peers were measured on (docs/benchmarks.md): healthy and bad versions, one after the other.

200 requests per second, two replicas of each version, every version answers 0.5 % of its requests with an error (the
bad one 5 %), the objective is 99 %, the steps are 5, 25 and 50 %. How long each rollout took is noted, not asserted:
asserted is that every healthy version is promoted, every bad one taken back, and that nobody else failed.
"""

from __future__ import annotations

import statistics
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from e2e.load.analysis import by_version, failures_except

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.deploy.cluster import Json
    from e2e.scenarios.site import Site

pytestmark = [pytest.mark.story, pytest.mark.timeout(3600)]
RATE = 200.0
HEALTHY, BAD = "0.005", "0.05"
STEP_LASTS = {"1s": "5s", "15s": "30s"}
ROUNDS = {"1s": 7, "15s": 3}
"""Both by the length of a window."""
ROLLOUT_SECONDS = 900.0


@pytest.mark.parametrize("window", ["1s", "15s"])
@pytest.mark.parametrize("share", [HEALTHY, BAD])
def test_versions_one_after_the_other(
    site: Site, window: str, share: str, record_property: Callable[[str, object], None]
) -> None:
    """``ROUNDS`` rollouts under one load; seconds from the first weight to the decision."""
    rounds, lasts = ROUNDS[window], STEP_LASTS[window]
    steps = [{"weight": weight, "for": lasts, "timeout": "15m"} for weight in (5, 25, 50)]
    site.policy(analysis={"window": window}, steps=steps)
    want(site, "1", HEALTHY)
    site.until_stable("1")
    versions = [str(number) for number in range(2, rounds + 2)]
    with site.load(rate=RATE) as load:
        records = [play(site, version, share) for version in versions]
    lasted = [seconds_to_decision(record) for record in records]
    counts = by_version(site.answers())
    bad = [counts[version].failed for version in versions if version in counts]
    record_property("outcomes", ", ".join(f"{record['status']['outcome']}" for record in records))
    record_property("seconds", "/".join(f"{one:.1f}" for one in sorted(lasted)))
    record_property("median", f"{statistics.median(lasted):.1f}")
    record_property("bad_answers_of_the_candidates", "/".join(str(one) for one in sorted(bad)))
    record_property("pace", load.report.sentence)
    expected = "Promoted" if share == HEALTHY else "RolledBack"
    assert [record["status"]["outcome"] for record in records] == [expected] * rounds
    assert not [answer for answer in failures_except(site.answers(), "") if not answer.version]


def want(site: Site, version: str, share: str) -> None:
    """Asks for a version of two replicas that answers ``share`` of its requests with an error."""
    predictor: dict[str, Any] = site.model_deployment(version, environment={"ERROR_RATE": share})["spec"]["predictor"]
    site.want(version, environment={"ERROR_RATE": share}, predictor=predictor | {"minReplicas": 2})


def play(site: Site, version: str, share: str) -> Json:
    """One rollout; its finished record."""
    want(site, version, share)
    name = version

    def over(status: Json) -> bool:
        candidate = status.get("candidate") or {}
        decided = [r for r in site.records() if r["spec"]["candidate"]["version"] == name]
        finished = bool(decided) and bool(decided[-1].get("status", {}).get("finishedAt"))
        return finished and not candidate

    site.until(over, what=f"the rollout of version {version} is over", seconds=ROLLOUT_SECONDS)
    return site.records()[-1]


def seconds_to_decision(record: Json) -> float:
    """From the candidate's first weight to the decision."""
    status = record["status"]
    first = next(entry["at"] for entry in status["timeline"] if entry["weight"] > 0)
    return (datetime.fromisoformat(status["decidedAt"]) - datetime.fromisoformat(first)).total_seconds()
