"""Gate: holds while a part of the cluster's state cannot be read."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.observation import Part
from serin.rollout.transition import Transition
from serin.schema.reasons import Reason


def unreadable(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds while any part of the observation is unknown."""
    part = next((part for part in Part if part in context.observed.unknown), None)
    if part is None:
        return None
    found = context.observed.unknown[part]
    unread = f"{part.value} cannot be read: {found.message}"
    watch = "; the breach watch goes on" if context.is_judged(status) else ""
    message = f"{unread}; nothing moves forward on what is unknown{watch}"
    return Transition(status, Reason.OBSERVATION_INCOMPLETE, message, context.poll_at(), stalled=found.refused)
