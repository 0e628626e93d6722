"""An arm runs other pods than those that the evidence is about."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.transition import Transition
from serin.schema.reasons import Reason


def template_drift(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """An arm runs other pods than at the first weight."""
    if status.rollout is not None and status.rollout.promote is not None:  # somebody's word, not the evidence
        return None
    for who, ref in (("stable", status.stable), ("the candidate", status.candidate)):
        arm = context.arm(ref)
        if ref is None or arm is None or not ref.template or not arm.template or ref.template == arm.template:
            continue
        message = (
            f"the pod template of {who} ({ref.workload.name}) was changed from outside during the rollout: the "
            f"evidence is of other pods; nothing moves forward until it is put back or spec asks for another revision"
        )
        return Transition(status, Reason.TEMPLATE_DRIFT, message, context.next_evaluation_at(), stalled=True)
    return None
