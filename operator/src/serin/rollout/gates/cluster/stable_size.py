"""Gate: holds while stable has too few ready replicas."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.capacity import stable_lacks
from serin.rollout.context import DecisionContext
from serin.rollout.transition import Transition, rollout_of
from serin.schema.reasons import Reason


def stable_too_small(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds while stable has too few ready replicas: a rollback gives it all traffic. Promote skips this."""
    if rollout_of(status).promote is not None:  # a degraded stable may be why it was requested
        return None
    lack = stable_lacks(context, status)
    if lack is None:
        return None
    what = f"stable's {lack.of}" if lack.of else "stable"
    message = f"{what} has {lack.have} ready of {lack.need} replicas; nothing moves forward until it is whole"
    return Transition(status, Reason.WAITING_FOR_CAPACITY, message, context.poll_at())
