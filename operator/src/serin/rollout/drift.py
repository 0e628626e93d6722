"""Do the arms still run the pods that the evidence is about? A template that changed from outside is told, and holds.

KServe renders an InferenceService again when its ServingRuntime is edited or KServe is upgraded: pods are replaced
although nobody asked for another revision (DESIGN, rule 12).
"""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.rollout.decision import Event
from serin.rollout.turn import Move, Turn, changed
from serin.schema.reasons import Phase, Reason

WEIGHED = frozenset({Phase.SHADOWING, Phase.PROGRESSING, Phase.PROMOTING, Phase.BAKING, Phase.ROLLING_BACK})
"""From the first request on the templates are what is being compared; before it they may still settle."""


def with_templates(turn: Turn, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """The status with the arms' pod templates, as far as they are not what evidence was gathered on."""
    stable, candidate = _noted(turn, status, status.stable), _noted(turn, status, status.candidate)
    if stable is status.stable and candidate is status.candidate:
        return status
    return changed(status, stable=stable, candidate=candidate)


def _noted(turn: Turn, status: ModelDeploymentStatus, ref: RevisionRef | None) -> RevisionRef | None:
    arm = turn.arm(ref)
    if ref is None or arm is None or not arm.template or arm.template == ref.template:
        return ref
    if ref.template is not None and status.phase in WEIGHED:
        return ref
    return ref.model_copy(update={"template": arm.template})


def template_drift(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """An arm runs other pods than at the first weight."""
    for who, ref in (("stable", status.stable), ("the candidate", status.candidate)):
        arm = turn.arm(ref)
        if ref is None or arm is None or not ref.template or not arm.template or ref.template == arm.template:
            continue
        message = (
            f"the pod template of {who} ({ref.inference_service}) was changed from outside during the rollout: the "
            f"evidence is of other pods; nothing moves forward until it is put back or spec asks for another revision"
        )
        return Move(status, Reason.TEMPLATE_DRIFT, message, turn.next_look(), stalled=True)
    return None


def drift_told(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> tuple[Event, ...]:
    """Outside of rollouts a new template of stable is only told."""
    old, new = before.stable, after.stable
    if old is None or new is None or old.revision != new.revision or old.template in {None, new.template}:
        return ()
    message = f"the pod template of stable ({new.inference_service}) was changed from outside; its pods are replaced"
    return (Event("Warning", Reason.TEMPLATE_DRIFT.value, message),)
