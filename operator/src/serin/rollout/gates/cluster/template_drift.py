"""Gate: holds while an arm runs other pods than those that the evidence is about."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.rollout.context import DecisionContext
from serin.rollout.transition import Transition
from serin.schema.reasons import Reason


def template_drift(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds while the pod template of an arm differs from that at the first request. Promote skips this."""
    if status.rollout is not None and status.rollout.promote is not None:  # the evidence does not decide
        return None
    for arm_name, ref in (("stable", status.stable), ("the candidate", status.candidate)):
        arm = context.arm(ref)
        if ref is None or arm is None or not ref.template or not arm.template or ref.template == arm.template:
            continue
        message = _changed(arm_name, ref, arm.ref)
        return Transition(status, Reason.TEMPLATE_DRIFT, message, stalled=True)
    return None


def _changed(arm_name: str, ref: RevisionRef, now: RevisionRef) -> str:
    """Where another workload has taken the place of the one that was judged, putting anything back makes a third."""
    if now.workload != ref.workload:
        return (
            f"{now.workload.name} serves {arm_name} now, and the evidence is of {ref.workload.name}: somebody changed "
            f"the InferenceService (a scaling field, label or annotation is enough); nothing moves forward, and to put "
            f"that back does not help; a PromotionAction Promote or Abort, or another revision in spec, ends it"
        )
    return (
        f"the pod template of {arm_name} ({ref.workload.name}) was changed from outside during the rollout: the "
        f"evidence is of other pods; nothing moves forward until it is put back or spec asks for another revision"
    )
