"""The bake has not lasted long enough."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.stage import describe_step, overdue_by
from serin.rollout.transition import Transition
from serin.schema.reasons import Reason
from serin.schema.types import format_duration


def bake_time(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """The bake needs its own time of accepted windows."""
    policy, have = context.policy(status), context.observed.assessment.step_time
    if policy is None or policy.bake is None or have >= policy.bake.for_:
        return None
    need = format_duration(policy.bake.for_)
    message = f"{describe_step(status)}: every SLO passes; {format_duration(have)} of {need} judged"
    late = overdue_by(context, status, policy) is not None
    return Transition(status, Reason.BAKING, message, context.next_evaluation_at(), stalled=late)
