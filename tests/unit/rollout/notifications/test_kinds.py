"""What two statuses come to for those who are told."""

from __future__ import annotations

from datetime import timedelta
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


EARLIER = -600
BLIND = status("Progressing", reason="NoData", stalled=True, **rolling(25))


def back(weight: int, *, stalled: bool, since: int = 0) -> ModelDeploymentStatus:
    """A candidate that is taken back, decided at the start, with so much traffic by the gateway."""
    taken = TAKEN | {"decidedAt": api_time()}
    found = status("RollingBack", reason="AbortedByAction", stalled=stalled, **rolling(0, **taken))
    assert found.weights is not None
    changes = {"last_transition_time": found.conditions[0].last_transition_time + timedelta(seconds=since)}
    return found.model_copy(
        update={
            "weights": found.weights.model_copy(update={"applied": weight}),
            "conditions": [found.conditions[0].model_copy(update=changes)],
        }
    )


def down(why: str | None) -> ModelDeploymentStatus:
    since = {"stableDownSince": api_time()} | ({"stableDownWhy": why} if why else {})
    return status(reason="StableNotReady", stalled=True, **SETTLED, **since, message=f"no ready endpoint: {why}")


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
        # A candidate that is taken back and still has traffic is not the end of the need; its last percent is.
        (BLIND, back(25, stalled=False), ["RollingBack"]),
        (back(25, stalled=False), back(0, stalled=False), ["Resumed"]),
        (back(25, stalled=True), back(25, stalled=False), []),
        (back(25, stalled=False, since=EARLIER), back(0, stalled=False, since=EARLIER), []),
        # What keeps the pods of a dead stable from being ready is told once, when it becomes known.
        (down(None), down("configmap gone"), ["NeedsPersonNow"]),
        (down("configmap gone"), down("configmap gone"), []),
        (down("configmap gone"), down("image gone"), []),
        # An older CRD drops the cause each time: what the message said already is not told again.
        (
            down("configmap gone").model_copy(update={"stable_down_why": None}),
            down("configmap gone"),
            [],
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
        (status("RolledBack", reason="RevisionRejected", stalled=True, stableDownSince=api_time()), Urgency.NOW),
        (status("Waiting", reason="Paused", stalled=True, **SETTLED, stableDownSince=api_time()), Urgency.NOW),
        (status(reason="SpecInvalid", stalled=True, **SETTLED, stableDownSince=api_time()), Urgency.NOW),
        (status(reason="SpecInvalid", stalled=True, **SETTLED), Urgency.BY_DAY),
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


def test_the_end_of_the_need_says_why_the_candidate_was_taken_back_and_not_what_stood_in_its_way() -> None:
    before, after = back(25, stalled=True), back(0, stalled=False)
    assert [(each.kind.value, each.message) for each in told(before, after, ())] == [("Resumed", "why")]
