"""Gate: holds while spec, changed during the rollout, cannot be used."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.transition import Transition


def spec_unusable(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds while spec has an error, in the revision or in the route."""
    problem = context.observed.problem
    if problem is None:
        return None
    message = f"{problem.message}; nothing moves forward until spec is mended; the breach watch goes on"
    return Transition(status, problem.reason, message, context.poll_at(), stalled=True)
