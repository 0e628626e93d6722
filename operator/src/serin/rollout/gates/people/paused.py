"""Gate: holds while ``spec.paused`` is true."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.transition import Transition
from serin.schema.reasons import Reason


def paused(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds while ``spec.paused`` is true."""
    if not context.spec.paused:
        return None
    message = "spec.paused is true; set it to false to go on"
    return Transition(status, Reason.PAUSED, message, context.next_evaluation_at())
