"""Gate: holds while the rollout has no PromotionRecord."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.observation import Problem
from serin.rollout.transition import Transition, rollout_of
from serin.schema.reasons import Reason


def record_missing(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds without a PromotionRecord, which must exist before the candidate gets requests."""
    rollout = rollout_of(status)
    if context.record(status) is not None:
        return None
    if rollout.exposed and not rollout.served_unrecorded:
        watch = "the watch goes on" if context.is_judged(status) else "no policy is known: nothing is judged"
        message = (
            f"PromotionRecord {rollout.record} is gone, or another stands in its place; nothing moves forward without "
            f"it; {watch}; restore it from a backup, or end this rollout (a PromotionAction Abort, or another revision "
            f"in spec)"
        )
        return Transition(status, Reason.STATE_CONFLICT, message, context.next_evaluation_at(), stalled=True)
    policy = context.observed.policy
    if isinstance(policy, Problem):
        message = f"{policy.message}; the PromotionRecord is made with the policy, and nothing moves forward before"
        return Transition(status, policy.reason, message, context.poll_at(), stalled=True)
    return Transition(status, Reason.PREPARING_CANDIDATE, "the PromotionRecord is being created", context.poll_at())
