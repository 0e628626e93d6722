"""Gate: holds the start while so many rollouts are under way as the operator's settings allow."""

from __future__ import annotations

from datetime import timedelta

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.observation import Unreadable
from serin.rollout.transition import Transition
from serin.schema.reasons import Reason

LOOK_AGAIN = timedelta(seconds=10)
"""How often it is looked whether somebody's rollout has ended; no event tells it."""
LATE = timedelta(hours=24)
"""After this time of waiting a person is asked: to end one of those that run, or to raise the limit."""


def not_its_turn(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds until fewer rollouts are under way, and who has waited for longer has started."""
    turn = context.observed.turn
    if turn is None:
        return None
    if isinstance(turn, Unreadable):
        obstacle = f"who else has a rollout under way cannot be read: {turn.message}"
    else:
        obstacle = turn.obstacle
    if not obstacle:
        return None
    since = status.since if status.reason is Reason.WAITING_FOR_TURN and status.since is not None else context.now
    late = context.now - since >= LATE
    message = f"{obstacle}{'; it has waited for a day: end one of them, or raise the limit' if late else ''}"
    return Transition(status, Reason.WAITING_FOR_TURN, message, context.now + LOOK_AGAIN, stalled=late)
