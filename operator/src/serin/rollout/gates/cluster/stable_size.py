"""Gate: holds while stable has too few ready replicas."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.capacity import required_stable_size
from serin.rollout.context import DecisionContext
from serin.rollout.transition import Transition, rollout_of
from serin.schema.reasons import Reason


def stable_too_small(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds while stable has too few ready replicas: a rollback gives it all traffic. Promote skips this."""
    if rollout_of(status).promote is not None:  # a degraded stable may be why it was requested
        return None
    have, need = context.ready(status.stable), required_stable_size(context, status)
    if have >= need:
        return None
    message = f"stable has {have} ready of {need} replicas; nothing moves forward until it is whole"
    return Transition(status, Reason.WAITING_FOR_CAPACITY, message, context.poll_at())
