"""Before the first weight: what could not be judged is told and holds, until it can be."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from e2e.deploy.cluster import wait_until
from e2e.scenarios.counting import preflight
from e2e.scenarios.test_prometheus import behind_lying_prometheus

if TYPE_CHECKING:
    from e2e.deploy.cluster import Json
    from e2e.scenarios.site import Site

HELD_SECONDS = 8
OFF_BOUNDARY, BOUNDARY = "300ms", "500ms"
"""Envoy's histogram has 250 and 500."""


def latency(threshold: str) -> list[Json]:
    """The gateway's latency alone: `serin preflight` has one SLO to tell of."""
    return [{"name": "latency", "objective": "99.0", "indicator": {"latency": {"threshold": threshold}}}]


def analysis_ready(site: Site) -> Json:
    """The condition; empty if there is none."""
    found: list[Any] = [c for c in site.status.get("conditions", []) if c["type"] == "AnalysisReady"]
    return dict(found[0]) if found else {}


def uid_of(site: Site, version: str) -> str:
    """The InferenceService that serves ``version``."""
    [found] = [s["metadata"]["uid"] for s in site.services() if s["metadata"]["labels"]["serin.dev/version"] == version]
    return str(found)


def stays_without_weight(site: Site) -> None:
    """The candidate is up, and gets nothing for a while."""
    held_since = time.monotonic()
    while time.monotonic() < held_since + HELD_SECONDS:
        assert site.look()["phase"] == "Preparing"
        assert site.weights[-1] == 0


@pytest.mark.matrix
def test_a_threshold_that_is_no_boundary_holds_before_the_first_weight_until_the_policy_is_mended(site: Site) -> None:
    site.go_live()
    site.policy(slos=latency(OFF_BOUNDARY))
    with site.load():
        wait_until(lambda: "no bucket boundary" in preflight(site)["problem"], what="stable is counted", seconds=150)
        site.want("2")
        site.until(lambda _: site.reason == "AnalysisNotReady", what="the hold is told", seconds=60)
        ready = analysis_ready(site)
        assert (ready["status"], ready["reason"]) == ("False", "AnalysisNotReady")
        assert "le=300 is no bucket boundary; there are" in ready["message"]
        assert "edit PromotionPolicy" in site.status["message"]
        stays_without_weight(site)
        candidate = uid_of(site, "2")
        site.policy(slos=latency(BOUNDARY))
        site.until_weight(25)
        assert uid_of(site, "2") == candidate, "it need not come up again"
        assert analysis_ready(site)["status"] != "False"
        site.until_stable("2")
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 50, 100]
    assert site.outcomes() == ["Promoted", "Superseded", "Promoted"]
    assert site.records()[1]["status"]["reason"] == "PolicyEdited"


@pytest.mark.matrix
def test_a_policy_may_only_be_warned(site: Site) -> None:
    """The same policy with `preflight: Warn` goes to its first weight, and holds there as missing data does."""
    site.go_live()
    site.policy(slos=latency(OFF_BOUNDARY), analysis={"window": "1s", "preflight": "Warn"})
    with site.load():
        wait_until(lambda: "no bucket boundary" in preflight(site)["problem"], what="stable is counted", seconds=150)
        site.want("2")
        site.until_weight(25)
        assert (analysis_ready(site)["status"], site.weights[-1]) == ("False", 25)


@pytest.mark.matrix
def test_prometheus_away_at_the_start_is_told_and_the_rollout_goes_on_when_it_is_back(site: Site) -> None:
    with behind_lying_prometheus(site) as prometheus:
        site.go_live()
        with site.load():
            prometheus.lie = "503"
            site.want("2")
            site.until(lambda _: site.reason == "MetricsUnavailable", what="the hold is told", seconds=60)
            assert analysis_ready(site)["status"] == "Unknown"
            stays_without_weight(site)
            prometheus.lie = ""
            site.until_stable("2")
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 50, 100]
    assert site.outcomes() == ["Promoted", "Promoted"]
