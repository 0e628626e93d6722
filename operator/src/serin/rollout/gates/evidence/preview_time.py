"""Gate: holds until the preview has lasted long enough."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.steps.stage import describe_shadow
from serin.rollout.transition import Transition, rollout_of
from serin.schema.reasons import Reason
from serin.schema.types import format_time


def preview_time(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds until the preview's time is over."""
    policy, begun = context.policy(status), rollout_of(status).step_started_at
    if policy is None or policy.preview is None:
        return None
    until = (begun or context.now) + policy.preview.for_
    if context.now >= until:
        return None
    message = f"{describe_shadow(context, status)}; the preview lasts until {format_time(until.replace(microsecond=0))}"
    return Transition(status, Reason.PREVIEWING, message, until)
