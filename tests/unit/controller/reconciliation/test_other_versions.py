"""Words that only a newer Serin knows, in status and records: the watch goes on, and they stay as they are."""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any

import pytest

from serin.cluster import resources
from tests.fakes import FakePrometheus
from tests.lab import POLICY, Lab, isvc

NEWER: list[tuple[str, Any]] = [
    ("phase", "Verifying"),
    ("reason", "WaitingForMoon"),
    ("rollout.reason", "WaitingForMoon"),
    ("rollout.verdict", "Perhaps"),
    ("rollout.slos.0.verdict", "Perhaps"),
    (
        "rejected",
        [{"revision": "abc", "version": "0", "at": "2026-11-22T00:00:00Z", "reason": "BadMood", "record": "x"}],
    ),
    (
        "actions",
        [
            {
                "name": "a",
                "uid": "u",
                "action": "Postpone",
                "by": "ana",
                "outcome": "Deferred",
                "message": "m",
                "at": "2026-11-22T00:00:00Z",
            }
        ],
    ),
]


def change(status: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    at: Any = status
    for part in parents:
        at = at[int(part)] if part.isdigit() else at[part]
    at[last] = value


async def progressing() -> Lab:
    lab = Lab(POLICY | {"steps": [{"weight": 40, "for": "1m"}, {"weight": 50, "for": "1m"}]})
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    for _ in range(5):
        await lab.tick()
    return lab


def stored(lab: Lab, path: str, value: Any) -> None:
    obj = copy.deepcopy(lab.obj())
    change(obj["status"], path, value)
    lab.cluster.put(resources.MODEL_DEPLOYMENTS, obj)


@pytest.mark.parametrize("restarted", [True, False])
@pytest.mark.parametrize(("path", "value"), NEWER, ids=lambda p: p if isinstance(p, str) else "")
async def test_a_breach_is_taken_back_whatever_a_newer_one_wrote(path: str, value: Any, *, restarted: bool) -> None:
    lab = await progressing()
    stored(lab, path, value)
    if restarted:
        lab.restart()
    for _ in range(3):
        await lab.tick()
    assert lab.backends()[isvc("2")] == 40, "neither forward nor back for a word"
    lab.prometheus.candidate_bad = 30
    await lab.until(lambda: lab.backends().get(isvc("2"), 0) == 0, limit=20)
    await lab.until(lab.rolled_back)


@pytest.mark.parametrize(("path", "value"), [n for n in NEWER if n[0] in {"rejected", "actions"}])
async def test_what_a_newer_one_remembers_is_kept(path: str, value: Any) -> None:
    lab = await progressing()
    stored(lab, path, value)
    await lab.until(lab.stable("2"), limit=400)
    assert value[0] in lab.status[path]


async def test_an_unknown_phase_holds_and_is_kept() -> None:
    lab = await progressing()
    stored(lab, "phase", "Verifying")
    for _ in range(130):
        await lab.tick()
    assert (lab.status["phase"], lab.status["reason"]) == ("Verifying", "UnknownState")
    assert lab.backends()[isvc("2")] == 40
    assert lab.condition("Stalled")["status"] == "True"
    stored(lab, "phase", "Progressing")
    await lab.until(lab.stable("2"), limit=400)


@pytest.mark.parametrize(
    ("path", "value"),
    [("outcome", "Vetoed"), ("reason", "BadMood"), ("timeline.0.reason", "BadMood")],
)
async def test_a_record_of_a_newer_one_outside_of_a_rollout(path: str, value: str) -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    for _ in range(5):
        await lab.tick()
    record = copy.deepcopy(lab.record(1))
    change(record["status"], path, value)
    record["metadata"].pop("annotations", None)
    lab.cluster.put(resources.PROMOTION_RECORDS, record)
    lab.restart()
    lab.want("2")
    await lab.until(lab.stable("2"))


OLD_GAUGE = 'max({job="drift"})'
"""It names no metric: an earlier Serin took it."""


class Drift(FakePrometheus):
    """Answers one gauge, and what counts."""

    async def values(self, query: str, at: datetime) -> list[float]:
        assert query in {OLD_GAUGE, "max(drift)"}, at
        return [0.1]


def gauged(query: str) -> dict[str, Any]:
    slo = {"name": "drift", "severity": "Required", "indicator": {"gauge": {"query": query, "max": "0.2"}}}
    return POLICY | {"slos": [*POLICY["slos"], slo]}


async def test_an_upgrade_in_the_middle_of_a_rollout_goes_on_with_a_gauge_that_a_new_policy_may_not_have() -> None:
    """DESIGN, rule 12: the rule is for policies that begin; what was accepted is read as it is."""
    lab = Lab(gauged("max(drift)"))
    lab.prometheus = Drift(lambda: lab.now)
    lab.restart()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    record = copy.deepcopy(lab.record(2))
    record["spec"]["policy"]["spec"] = gauged(OLD_GAUGE)
    lab.cluster.put(resources.PROMOTION_RECORDS, record)
    policy = copy.deepcopy(lab.obj(resources.PROMOTION_POLICIES, "careful"))
    lab.cluster.put(resources.PROMOTION_POLICIES, policy | {"spec": gauged(OLD_GAUGE)})
    lab.restart()
    await lab.until(lab.stable("2"), limit=400)
    lab.want("3")
    await lab.tick()
    await lab.tick()
    assert "each selector names its metric" in lab.status["message"], "for the next rollout it is too late"


async def test_a_policy_snapshot_that_this_version_cannot_read_holds_and_is_watched_by_the_live_policy() -> None:
    lab = await progressing()
    record = copy.deepcopy(lab.record(2))
    record["spec"]["policy"]["spec"]["analysis"]["compare"] = "ByTheMoon"
    lab.cluster.put(resources.PROMOTION_RECORDS, record)
    lab.restart()
    for _ in range(150):
        await lab.tick()
    assert lab.backends()[isvc("2")] == 40
    assert "cannot be read by this version of Serin" in lab.status["message"]
    assert lab.condition("Stalled")["status"] == "True"
    lab.prometheus.candidate_bad = 30
    await lab.until(lambda: lab.backends().get(isvc("2"), 0) == 0, limit=30)
