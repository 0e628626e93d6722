"""The step or the shadow has not lasted long enough."""

from __future__ import annotations

from datetime import timedelta

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.schedule import Schedule
from serin.rollout.stage import describe_step, overdue_by
from serin.rollout.transition import Transition, rollout_of
from serin.schema.reasons import Reason
from serin.schema.types import format_duration


def step_time(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """The step needs its own time of accepted windows."""
    policy, rollout, have = context.policy(status), rollout_of(status), context.observed.assessment.step_time
    if policy is None or rollout.step_started_at is None:
        message = f"{describe_step(status)}: the step has not begun"
        return Transition(status, Reason.WAITING_FOR_ROUTE, message, context.poll_at())
    stage = Schedule(policy).stage(status.phase, rollout.step)
    need = stage.for_ if stage is not None else timedelta()
    if have >= need:
        return None
    late = overdue_by(context, status, policy) is not None
    message = f"{describe_step(status)}: every SLO passes; {format_duration(have)} of {format_duration(need)} judged"
    return Transition(status, Reason.STEP_TIME, message, context.next_evaluation_at(), stalled=late)
