"""Gate: holds after a PromotionAction Hold until a Release."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.transition import Transition, rollout_of
from serin.schema.reasons import Reason


def held(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds while a PromotionAction Hold is in force."""
    hold = rollout_of(status).held
    if hold is None:
        return None
    why = f": {hold.reason}" if hold.reason else ""
    message = f"held by {hold.by}{why}; a PromotionAction Release lets it go on"
    return Transition(status, Reason.HELD, message, context.next_evaluation_at())
