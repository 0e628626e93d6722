"""Gate: holds while an object that the rollout needs cannot be written."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.transition import Transition, failed_write
from serin.schema.reasons import Reason

WRITES_THAT_HOLD = frozenset({"HTTPRoute", "PromotionRecord", "InferenceService", "Scaling"})
"""Failed writes that hold a rollout; others are only reported."""


def write_failed(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds while a write of the route, the record or an arm fails."""
    failure = failed_write(status, *WRITES_THAT_HOLD)
    if failure is None:
        return None
    message = f"{failure.message}; nothing moves forward until it can be written"
    stalled = failure.reason is not Reason.WRITE_UNAVAILABLE
    return Transition(status, failure.reason, message, context.poll_at(), stalled=stalled)
