"""What two statuses come to for those who are told."""

from __future__ import annotations

from typing import Any

import pytest

from serin.api.status import ModelDeploymentStatus
from serin.rollout.decision import Announcement
from serin.rollout.notifications.kinds import Urgency, told, urgency
from serin.schema.reasons import Reason
from tests.clock import api_time


def status(
    phase: str | None = "Stable", *, reason: str = "Serving", stalled: bool = False, **changes: Any
) -> ModelDeploymentStatus:
    condition = {
        "type": "Stalled",
        "status": "True" if stalled else "False",
        "reason": reason,
        "message": "m",
        "lastTransitionTime": api_time(),
    }
    fields = {"phase": phase, "reason": reason, "message": f"{reason} so", "conditions": [condition], **changes}
    return ModelDeploymentStatus.model_validate({k: v for k, v in fields.items() if v is not None})


def ref(version: str) -> dict[str, Any]:
    workload = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "name": f"fraud-{version}"}
    return {"revision": version * 8, "version": version, "workload": workload}


def rolling(weight: int = 25, step: int = 1, **changes: Any) -> dict[str, Any]:
    rollout = {
        "record": "fraud-1",
        "step": step,
        "startedAt": api_time(),
        "since": api_time(),
        "reason": "CollectingEvidence",
        "message": "m",
        **changes,
    }
    return {"stable": ref("1"), "candidate": ref("2"), "rollout": rollout, "weights": {"desired": weight}}


TAKEN: dict[str, Any] = {"outcome": "RolledBack", "cause": "SLOBreached", "causeMessage": "why"}
SETTLED: dict[str, Any] = {"stable": ref("1")}


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        (status(), status(), []),
        (status(), status("Waiting", reason="PreparingCandidate", **rolling(0, 0)), ["Started"]),
        (status("Progressing", **rolling(25)), status("Progressing", **rolling(50, 2)), ["StepAdvanced"]),
        (status("Progressing", **rolling(25)), status("Progressing", **rolling(25)), []),
        (
            status("Progressing", **rolling(0, 1, interruption={"at": api_time(), "weight": 25})),
            status("Progressing", **rolling(25)),
            [],
        ),
        (status("Progressing", **rolling(25)), status("RollingBack", **rolling(0, **TAKEN)), ["RollingBack"]),
        (status("RollingBack", **rolling(0, **TAKEN)), status("RollingBack", **rolling(0, **TAKEN)), []),
        (
            status("RollingBack", **rolling(0, **TAKEN)),
            status("RolledBack", reason="RevisionRejected", stalled=True, **SETTLED),
            ["RolledBack"],
        ),
        (
            status("RollingBack", **rolling(0, outcome="Superseded", cause="Superseded")),
            status("Stable", **SETTLED),
            ["Superseded"],
        ),
        (
            status("Promoting", **rolling(100, outcome="Promoted")),
            status("Stable", stable=ref("2")),
            ["Promoted"],
        ),
        (status(), status(reason="PolicyMissing", stalled=True), ["NeedsPerson"]),
        (status(), status(reason="StableNotReady", stalled=True), ["NeedsPersonNow"]),
        (status(reason="PolicyMissing", stalled=True), status(reason="PolicyInvalid", stalled=True), []),
        (
            status(reason="PolicyMissing", stalled=True),
            status(reason="StableNotReady", stalled=True),
            ["NeedsPersonNow"],
        ),
        (status(reason="StableNotReady", stalled=True), status(reason="PolicyMissing", stalled=True), []),
        (status(reason="PolicyMissing", stalled=True), status(), ["Resumed"]),
        (
            status("RolledBack", reason="RevisionRejected", stalled=True),
            status("Waiting", **rolling(0, 0)),
            ["Started"],
        ),
        (
            status("Progressing", **rolling(25)),
            status("Progressing", reason="WaitingForApproval", **rolling(25)),
            ["WaitingForApproval"],
        ),
        # A status that was lost: nobody knows what was told, but that a person is needed is told.
        (ModelDeploymentStatus(), status("Progressing", **rolling(25)), []),
        (ModelDeploymentStatus(), status("Pending", reason="SpecInvalid", stalled=True), ["NeedsPerson"]),
    ],
)
def test_what_happened(before: ModelDeploymentStatus, after: ModelDeploymentStatus, kinds: list[str]) -> None:
    assert [each.kind.value for each in told(before, after, ())] == kinds


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (status(), Urgency.NO),
        (status(reason="NoData", stalled=True, **rolling(25)), Urgency.NOW),
        (status(reason="NoData", stalled=True, **rolling(0)), Urgency.BY_DAY),
        (status("RollingBack", reason="SLOBreached", stalled=True, **rolling(25)), Urgency.NOW),
        (status("RollingBack", reason="SLOBreached", stalled=True, **rolling(0)), Urgency.BY_DAY),
        (status(reason="NoReceiver", stalled=True), Urgency.NOW),
        (status("RolledBack", reason="RevisionRejected", stalled=True), Urgency.NO),
        (status(reason="WordOfANewerVersion", stalled=True), Urgency.BY_DAY),
    ],
)
def test_how_much_a_person_is_needed(found: ModelDeploymentStatus, expected: Urgency) -> None:
    assert urgency(found) is expected


def test_a_warning_is_told_once_and_not_beside_what_says_it_already() -> None:
    warning = Announcement("NoData", "NoData so", warning=True, reason=Reason.NO_DATA)
    calm = status("Progressing", reason="NoData", **rolling(25))
    assert [each.kind.value for each in told(status("Progressing", **rolling(25)), calm, (warning,))] == ["Warning"]
    loud = status("Progressing", reason="NoData", stalled=True, **rolling(25))
    assert [each.kind.value for each in told(status("Progressing", **rolling(25)), loud, (warning,))] == [
        "NeedsPersonNow"
    ]
