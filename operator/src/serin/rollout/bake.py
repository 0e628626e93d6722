"""What happens after the last step? Almost all traffic, a time of watching beside the old revision, then all."""

from __future__ import annotations

from datetime import timedelta

from serin.api.status import ModelDeploymentStatus
from serin.rollout.cluster_gates import policy_lost, route_pending, something_unknown, write_failed
from serin.rollout.cure import cure
from serin.rollout.evidence_gates import describe_step
from serin.rollout.forward import first
from serin.rollout.gates import FINAL_GATES, first_hold, step_clock
from serin.rollout.interruption import resume
from serin.rollout.schedule import EVERYTHING
from serin.rollout.takeback import ENDING_RULES, ROLLBACK_RULES, unknown_clock, wait_for_record
from serin.rollout.turn import (
    Move,
    Turn,
    changed,
    enter,
    rollout_of,
    weights_of,
    with_draining,
    with_rollout,
    with_weight,
)
from serin.schema.reasons import Outcome, Phase, Reason

REMEMBERED = timedelta(days=7)
"""So long the revision that was stable before is taken again without steps."""
ROUTE_GATES = tuple(gate for gate in FINAL_GATES if gate.check in {something_unknown, write_failed, route_pending})
"""Before the last weight counts as given."""


def promote(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """Promoting: the last weight; when the gateway has accepted it the bake begins, or the candidate is stable."""
    move = first((*ROLLBACK_RULES, cure), turn, status) or resume(turn, status) or first_hold(turn, status, ROUTE_GATES)
    if move is not None:
        return move
    if _baked(turn, status):
        return first_hold(turn, status, FINAL_GATES) or _release(turn, status)
    lost = policy_lost(turn, status)
    if lost is not None:
        return lost
    baking = with_rollout(enter(status, Phase.BAKING), step_started_at=turn.now, blocked_since=None)
    message = f"{describe_step(baking)}: the old revision stays as control"
    return Move(baking, Reason.BAKING, message, turn.next_look())


def _baked(turn: Turn, status: ModelDeploymentStatus) -> bool:
    """Whether there is no bake before the end: none is asked for, or it is over (all traffic despite a holdback)."""
    policy = turn.policy(status)
    if rollout_of(status).at_once:
        return True
    if policy is None:
        return weights_of(status).desired == EVERYTHING
    return policy.bake is None or weights_of(status).desired > policy.last_weight


def bake(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """Baking: taken back first of all; then every gate; then the holdback goes, too."""
    status = unknown_clock(turn, step_clock(turn, status))
    move = first((*ROLLBACK_RULES, cure), turn, status) or resume(turn, status)
    if move is not None:
        return move
    if _baked(turn, status):
        return first_hold(turn, status, FINAL_GATES) or _release(turn, status)
    return first_hold(turn, status) or _release(turn, status)


def _release(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """The holdback goes; without one this is the end."""
    if weights_of(status).desired == EVERYTHING:
        return promoted(turn, status)
    message = "the bake is over; the candidate takes all traffic"
    return Move(with_weight(status, EVERYTHING), Reason.PROMOTING, message, turn.soon())


def promoted(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """It is decided: the candidate is the new stable. The rollout stays in status until its record says so."""
    rollout, version = rollout_of(status), status.candidate.version if status.candidate else "?"
    ordered = Reason.PROMOTED_BY_ACTION if rollout.promote is not None else Reason.SERVING
    cause = Reason.STABLE_DOWN if rollout.stable_down else ordered
    decided = with_rollout(
        status,
        outcome=Outcome.PROMOTED,
        cause=cause,
        cause_message=f"version {version} was promoted{_why(status)}",
        decided_at=turn.now,
        blocked_since=None,
    )
    return conclude(turn, decided)


def _why(status: ModelDeploymentStatus) -> str:
    rollout = rollout_of(status)
    if rollout.stable_down:
        return ": stable had no ready endpoint"
    return f" by {rollout.promote.by}, without the evidence" if rollout.promote is not None else ""


def conclude(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """A promotion that has been decided: it ends when its record is finished; until then it can be taken back."""
    version = status.candidate.version if status.candidate else "?"
    if turn.record_open(status) and status.stable is not None:
        back = first(ENDING_RULES, turn, status)
        if back is not None:
            return back
    message = f"version {version} serves all traffic"
    reason = Reason.PROMOTING if status.stable is not None else Reason.FIRST_DEPLOYMENT
    return wait_for_record(turn, status, reason, message) or _flip(turn, status)


def _flip(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """The candidate becomes stable; the old one finishes its requests."""
    old, new = status.stable, status.candidate
    until = turn.now + turn.spec.route.timeout
    remembered = turn.now.replace(microsecond=0) + REMEMBERED
    after = changed(
        status,
        phase=Phase.STABLE,
        stable=new.model_copy(update={"since": turn.now}) if new else None,
        candidate=None,
        previous=old.model_copy(update={"until": remembered}) if old else None,
        rollout=None,
        weights=None,
        stable_down_since=None,
        draining=with_draining(status, old and old.model_copy(update={"until": until})),
    )
    return Move(after, Reason.SERVING, f"version {new.version if new else '?'} serves all traffic", turn.now)
