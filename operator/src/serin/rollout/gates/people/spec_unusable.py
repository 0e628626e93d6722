"""Spec was changed during the rollout to something that cannot be used."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.transition import Transition, weights_of


def spec_unusable(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Nothing moves forward while it is not known which revision spec asks for, or where it is to be served."""
    problem = context.observed.problem
    if problem is None:
        return None
    message = (
        f"{problem.message}; nothing moves forward until spec is mended, {weights_of(status).desired} % stay on the "
        f"candidate; the breach watch goes on"
    )
    return Transition(status, problem.reason, message, context.poll_at(), stalled=True)
