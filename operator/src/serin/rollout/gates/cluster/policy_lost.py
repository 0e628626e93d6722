"""Gate: holds while the policy of the rollout is not known."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.transition import Transition, rollout_of
from serin.schema.reasons import Reason


def policy_lost(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds without a policy to judge by; a PromotionAction Promote needs none."""
    record = context.record(status)
    if rollout_of(status).promote is not None:
        return None
    if record is not None and record.unreadable:
        message = (
            f"the policy in PromotionRecord {record.name} cannot be read by this version of Serin: "
            f"{record.unreadable}; nothing moves forward; go back to the newer version, or end the rollout by a "
            f"PromotionAction Abort"
        )
        return Transition(status, Reason.POLICY_INVALID, message, context.next_evaluation_at(), stalled=True)
    begun_without = record is not None and record.policy is None and context.observed.snapshot is None
    if begun_without:
        message = (
            f"the rollout began in an outage, without a policy (PromotionRecord {rollout_of(status).record}); nothing "
            f"moves forward by steps; a PromotionAction Promote lets it serve, an Abort ends it"
        )
        return Transition(status, Reason.POLICY_MISSING, message, context.poll_at(), stalled=True)
    if context.policy(status) is not None:
        return None
    message = "neither the record nor the live PromotionPolicy says how to judge; nothing moves forward"
    return Transition(status, Reason.POLICY_MISSING, message, context.poll_at(), stalled=True)
