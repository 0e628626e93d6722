from __future__ import annotations

from datetime import UTC, datetime

from e2e.demo.objects import BAD, FIRST, GOOD, STEPS, model_deployment, policy
from e2e.demo.snapshot import Record, Snapshot, epoch
from serin.api.model_deployment import ModelDeployment
from serin.api.promotion_policy import PromotionPolicy

STATUS = {
    "phase": "Progressing",
    "message": "step 1 of 3 at 5 %",
    "stable": {"revision": "a", "version": "1", "workload": {"name": "fraud-a"}},
    "candidate": {"revision": "b", "version": "2", "workload": {"name": "fraud-b"}},
    "weights": {"desired": 25, "applied": 5},
    "rollout": {
        "record": "fraud-b-1",
        "step": 1,
        "steps": 3,
        "reason": "CollectingEvidence",
        "message": "step 1 of 3 at 5 %: collecting",
        "slos": [
            {
                "name": "availability",
                "verdict": "Insufficient",
                "candidate": {"bad": 1, "total": 20},
                "stable": {"bad": 0, "total": 380},
                "evidence": {"e1": "0.500000", "e2": "0.250000"},
                "threshold": "2.000000",
                "passThreshold": "1.301030",
            }
        ],
    },
}


def test_a_status_is_read_as_the_demo_needs_it() -> None:
    seen = Snapshot.of({"status": STATUS})
    assert seen.split == {"1": 95, "2": 5}
    assert (seen.step, seen.steps, seen.reason) == (1, 3, "CollectingEvidence")
    assert seen.slos[0].candidate == (1, 20)


def test_nothing_is_known_of_an_object_without_status() -> None:
    assert Snapshot.of(None) == Snapshot.of({"spec": {}}) == Snapshot()
    assert Snapshot().split == {}


def test_without_a_candidate_stable_has_all_traffic() -> None:
    assert Snapshot.of({"status": {"stable": {"version": "2"}}}).split == {"2": 100}


def test_a_record_keeps_fractions_of_seconds() -> None:
    read = Record.of(
        {
            "metadata": {"name": "fraud-b-1"},
            "spec": {"candidate": {"version": "2"}, "attempt": 1},
            "status": {
                "outcome": "Promoted",
                "decidedAt": "2026-11-22T10:00:00.250000Z",
                "timeline": [{"at": "2026-11-22T09:59:00Z", "weight": 5, "reason": "CollectingEvidence"}],
            },
        }
    )
    assert read.decided_at == datetime(2026, 11, 22, 10, 0, 0, 250_000, tzinfo=UTC).timestamp()
    assert read.timeline[0].at == epoch("2026-11-22T09:59:00Z")
    assert not read.finished


def test_the_demo_applies_objects_that_the_api_accepts() -> None:
    steps = PromotionPolicy.model_validate(policy()).spec.steps
    assert tuple(step.weight for step in steps) == STEPS
    for version in (FIRST, GOOD, BAD):
        spec = ModelDeployment.model_validate(model_deployment(version)).spec
        assert spec.model.version == version.name
