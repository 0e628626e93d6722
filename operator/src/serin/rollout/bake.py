"""What happens after the last step? Almost all traffic, a time of watching beside the old revision, then all."""

from __future__ import annotations

from datetime import timedelta

from serin.api.reasons import Phase, Reason
from serin.api.status import ModelDeploymentStatus
from serin.api.types import format_duration
from serin.rollout.drift import template_drift
from serin.rollout.gates import (
    candidate_not_up,
    first,
    held,
    paused,
    policy_lost,
    record_missing,
    route_pending,
    stable_too_small,
    step_clock,
    traffic_split,
    undecided,
    where,
)
from serin.rollout.takeback import TAKE_BACK, unknown_clock
from serin.rollout.turn import Move, Turn, changed, enter, rollout_of, weights_of, with_rollout, with_weight

EVERYTHING = 100
REMEMBERED = timedelta(days=7)
"""So long the revision that was stable before is taken again without steps."""


FINAL = (route_pending, paused, held)
"""What must be in order before the candidate is stable and the old revision goes, which nothing brings back."""


def promote(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """Promoting: the last weight; when the gateway has accepted it the bake begins, or the candidate is stable."""
    held = first((*TAKE_BACK, route_pending), turn, status)
    if held is not None:
        return held
    if _baked(turn, status):
        return first(FINAL, turn, status) or promoted(turn, status)
    lost = policy_lost(turn, status)
    if lost is not None:
        return lost
    baking = with_rollout(enter(status, Phase.BAKING), step_started_at=turn.now)
    return Move(baking, Reason.BAKING, f"{where(baking)}: the old revision stays as control", turn.next_look())


def _baked(turn: Turn, status: ModelDeploymentStatus) -> bool:
    """Whether there is no bake before the end: none is asked for, or it is over (all traffic despite a holdback)."""
    policy = turn.policy(status)
    if rollout_of(status).returning:
        return True
    if policy is None:
        return weights_of(status).desired == EVERYTHING
    return policy.bake is None or weights_of(status).desired > policy.last_weight


def bake(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """Baking: taken back first of all; then every gate; then the holdback goes, too."""
    status = unknown_clock(turn, step_clock(turn, status))
    back = first(TAKE_BACK, turn, status)
    if back is not None:
        return back
    if _baked(turn, status):
        return first(FINAL, turn, status) or promoted(turn, status)
    return first(HOLDS, turn, status) or _release(turn, status)


def bake_time(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The bake needs its own time of accepted windows."""
    policy, have = turn.policy(status), turn.seen.assessment.step_time
    if policy is None or policy.bake is None or have >= policy.bake.for_:
        return None
    message = (
        f"{where(status)}: every SLO passes; {format_duration(have)} of {format_duration(policy.bake.for_)} judged"
    )
    return Move(status, Reason.BAKING, message, turn.next_look())


HOLDS = (
    route_pending,
    record_missing,
    policy_lost,
    template_drift,
    undecided,
    traffic_split,
    bake_time,
    paused,
    held,
    stable_too_small,
    candidate_not_up,
)
"""What must be in order before the old revision may go; the first that holds says why."""


def _release(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """The holdback goes; without one this is the end."""
    if weights_of(status).desired == EVERYTHING:
        return promoted(turn, status)
    message = "the bake is over; the candidate takes all traffic"
    return Move(with_weight(status, EVERYTHING), Reason.PROMOTING, message, turn.soon())


def promoted(turn: Turn, status: ModelDeploymentStatus) -> Move:
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
        draining=[*status.draining, *([old.model_copy(update={"until": until})] if old else [])],
    )
    return Move(after, Reason.SERVING, f"version {new.version if new else '?'} serves all traffic", turn.now)
