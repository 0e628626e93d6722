"""What happens while stable has no ready endpoint? A ready candidate without a breach takes all traffic (rule 14).

Nothing can be worse than no answer, so it is as in a first deployment: no steps, no windows, no bake. A policy may say
``whenStableIsDown: Hold``: the candidate then comes up and waits for a person's Promote.
"""

from __future__ import annotations

from datetime import timedelta

from serin.api.promotion_policy import WhenStableIsDown
from serin.api.status import ModelDeploymentStatus
from serin.rollout.schedule import EVERYTHING
from serin.rollout.turn import (
    Move,
    Turn,
    changed,
    enter,
    failed_write,
    rollout_of,
    with_rollout,
    with_weight,
)
from serin.schema.reasons import Phase, Reason
from serin.schema.types import format_time

DOWN_FOR = timedelta(seconds=30)
"""So long stable must be known to have no ready endpoint: less may be a restart, or a drained node."""
RECORD_PATIENCE = timedelta(seconds=30)
"""So long a total outage waits for a record that cannot be written."""


def stable_clock(turn: Turn, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """The status with the time since when stable is known to be down; what cannot be read is not down."""
    if turn.dead(status.stable):
        return (
            status if status.stable_down_since else changed(status, stable_down_since=turn.now.replace(microsecond=0))
        )
    return status if status.stable_down_since is None else changed(status, stable_down_since=None)


def stable_down(turn: Turn, status: ModelDeploymentStatus) -> bool:
    """Whether stable is down for long enough not to be waited for."""
    since = status.stable_down_since
    return since is not None and turn.dead(status.stable) and turn.now - since >= DOWN_FOR


def cure(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """All traffic to a ready candidate while stable is down; None where there is no outage, or nothing that ends it."""
    rollout, candidate, stable = rollout_of(status), status.candidate, status.stable
    if not stable_down(turn, status) or not turn.ready(candidate) or candidate is None or stable is None:
        return None
    if rollout.stable_down:  # its weight is decided already
        return None
    since = status.stable_down_since or turn.now
    outage = f"stable version {stable.version} has had no ready endpoint since {format_time(since)}"
    hold = _held_back(turn, status, f"{outage}; version {candidate.version} is ready")
    if hold is not None:
        return hold
    message = f"{outage}; version {candidate.version} is ready and takes all traffic"
    after = with_rollout(
        with_weight(enter(status, Phase.PROMOTING), EVERYTHING),
        stable_down=True,
        exposed_at=rollout.exposed_at or turn.now,
        step_started_at=None,
        blocked_since=None,
        interruption=None,
    )
    return Move(after, Reason.STABLE_DOWN, message, turn.soon())


def _held_back(turn: Turn, status: ModelDeploymentStatus, outage: str) -> Move | None:
    """Somebody's word, the policy's, or a record that may still be made."""
    rollout, policy = rollout_of(status), turn.policy(status)
    why = None
    if turn.spec.paused:
        why = "spec.paused is true: set it to false to let it serve"
    elif rollout.held is not None:
        why = f"held by {rollout.held.by}: a PromotionAction Release lets it serve"
    elif policy is not None and policy.when_stable_is_down is WhenStableIsDown.HOLD and rollout.promote is None:
        why = "the policy says whenStableIsDown: Hold: a PromotionAction Promote lets it serve"
    if why is not None:
        return Move(status, Reason.STABLE_DOWN, f"{outage}; {why}", turn.soon(), stalled=True)
    if turn.record(status) is None and not rollout.exposed and not _record_refused(turn, status):
        return Move(status, Reason.STABLE_DOWN, f"{outage}; its PromotionRecord is being created", turn.soon())
    return None


def _record_refused(turn: Turn, status: ModelDeploymentStatus) -> bool:
    """The record cannot be written for a while: an outage of everything does not wait for it for ever."""
    failure = failed_write(status, "PromotionRecord")
    return failure is not None and turn.now - failure.since >= RECORD_PATIENCE
