"""What may hold a forward move? One function per gate; each phase has its own ordered tuple of them.

A gate answers None when it is open, and otherwise the Move that says why nothing moves (or that takes the candidate
back, when waiting has an end).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from serin.api.evidence import SloReport, Split
from serin.api.reasons import Phase, Reason, Verdict
from serin.api.status import ModelDeploymentStatus
from serin.api.types import format_duration
from serin.rollout.takeback import take_back
from serin.rollout.turn import Move, Turn, exposure, needed, rollout_of, stage_of, weights_of, with_rollout

LATE = frozenset({Phase.PROMOTING, Phase.BAKING})
Gate = Callable[[Turn, ModelDeploymentStatus], Move | None]


def first(gates: tuple[Gate, ...], turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """What the first gate that holds says; None when all are open."""
    return next((move for gate in gates if (move := gate(turn, status)) is not None), None)


def took_too_long(turn: Turn, status: ModelDeploymentStatus, trouble: str) -> Move | None:
    """It is the candidate that is waited for, and for too long; once it was ready it is not late any more."""
    policy, rollout = turn.policy(status), rollout_of(status)
    was_up = rollout.exposed or rollout.routed_at is not None
    if policy is None or was_up or turn.now - rollout.started_at < policy.prepare_timeout:
        return None
    message = f"the candidate is not ready after {format_duration(policy.prepare_timeout)}{trouble}"
    return take_back(turn, status, Reason.PREPARE_TIMEOUT, message)


def policy_lost(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """Without the snapshot nobody knows what passing means."""
    if turn.policy(status) is not None:
        return None
    message = "neither the record nor the live PromotionPolicy says how to judge; nothing moves forward"
    return Move(status, Reason.POLICY_MISSING, message, turn.soon(), stalled=True)


def record_missing(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """No request of a client reaches a candidate without a record."""
    rollout = rollout_of(status)
    if turn.record(status) is not None:
        return None
    if rollout.exposed:
        message = f"PromotionRecord {rollout.record} is gone; nothing moves forward without it; the watch goes on"
        return Move(status, Reason.STATE_CONFLICT, message, turn.next_look(), stalled=True)
    return Move(status, Reason.PREPARING_CANDIDATE, "the PromotionRecord is being created", turn.soon())


def candidate_not_up(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The candidate has too few ready replicas for its next share of the requests."""
    weight = next_share(turn, status)
    need, have = needed(weight, rollout_of(status).stable_replicas), turn.ready(status.candidate)
    if have >= need:
        return None
    arm = turn.arm(status.candidate)
    trouble = f"; {arm.failure.message}" if arm is not None and arm.failure is not None else ""
    late = took_too_long(turn, status, trouble)
    if late is not None:
        return late
    message = f"the candidate has {have} ready of the {need} that {weight} % need{trouble}"
    reason = Reason.WAITING_FOR_CAPACITY if rollout_of(status).exposed else Reason.PREPARING_CANDIDATE
    return Move(status, reason, message, turn.soon())


def stable_too_small(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """Stable must be whole before anything moves: it is where a rollback goes."""
    have, need = turn.ready(status.stable), max(1, rollout_of(status).stable_replicas)
    if have >= need:
        return None
    message = f"stable has {have} ready of {need} replicas; nothing moves forward until it is whole"
    return Move(status, Reason.WAITING_FOR_CAPACITY, message, turn.soon())


def route_pending(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The gateway must have accepted what was decided last."""
    if shown(turn, status):
        return None
    route = turn.seen.route
    why = f": {route.message}" if route is not None and route.message else ""
    what = "the route of the shadow" if status.phase is Phase.SHADOWING else f"{weights_of(status).desired} %"
    return Move(status, Reason.WAITING_FOR_ROUTE, f"the gateway has not yet accepted {what}{why}", turn.soon())


def paused(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """No forward move while spec.paused."""
    if not turn.spec.paused:
        return None
    message = f"spec.paused is true: {weights_of(status).desired} % stay on the candidate; set it to false to go on"
    return Move(status, Reason.PAUSED, message, turn.next_look())


def held(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """No forward move while somebody holds the rollout by a PromotionAction."""
    hold = rollout_of(status).held
    if hold is None:
        return None
    why = f": {hold.reason}" if hold.reason else ""
    message = (
        f"held by {hold.by}{why}; {weights_of(status).desired} % stay on the candidate; a PromotionAction Release lets "
        f"it go on"
    )
    return Move(status, Reason.HELD, message, turn.next_look())


def next_weight(turn: Turn, status: ModelDeploymentStatus) -> int:
    """The candidate's weight after the next forward move."""
    policy, rollout = turn.policy(status), rollout_of(status)
    if policy is None or rollout.returning or status.phase in LATE:
        return 100
    return policy.steps[rollout.step].weight if rollout.step < rollout.steps else policy.last_weight


def next_share(turn: Turn, status: ModelDeploymentStatus) -> int:
    """Percent of the requests that reach the candidate after the next forward move; a mirror sends all of them."""
    policy, rollout = turn.policy(status), rollout_of(status)
    mirrored = policy is not None and policy.shadow is not None and rollout.step == 0 and not rollout.returning
    return 100 if mirrored else next_weight(turn, status)


def step_clock(turn: Turn, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """The step's time starts when the gateway has accepted what the phase is about: its weight, or its mirror."""
    if rollout_of(status).step_started_at is None and shown(turn, status):
        return with_rollout(status, step_started_at=turn.now)
    return status


def shown(turn: Turn, status: ModelDeploymentStatus) -> bool:
    """Whether the gateway has accepted a route that shows what was decided last."""
    route = turn.seen.route
    if route is None or not route.accepted or route.weight != weights_of(status).desired:
        return False
    return status.phase is not Phase.SHADOWING or route.exposes == exposure(turn, status)


def undecided(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """An SLO that decides has not passed."""
    slo = turn.seen.assessment.blocking
    if slo is None and turn.seen.assessment.slos:
        return None
    rollout, policy = rollout_of(status), turn.policy(status)
    wake = turn.next_look()
    if slo is None or policy is None:
        return Move(status, Reason.NO_DATA, f"{where(status)}: no window has been judged yet", wake)
    stage = stage_of(policy, status) if status.phase in {Phase.SHADOWING, Phase.PROGRESSING} else None
    if stage is not None and rollout.step_started_at is not None:
        overdue = turn.now - rollout.step_started_at - stage.timeout
        if overdue >= timedelta():
            return _undecided_in_time(turn, status, overdue, slo)
    return Move(status, _hold_reason(slo), f"{where(status)}: {_hold_words(slo)}{slo.message}", wake)


def _undecided_in_time(turn: Turn, status: ModelDeploymentStatus, overdue: timedelta, slo: SloReport) -> Move:
    policy = turn.policy(status)
    inconclusive = turn.seen.assessment.inconclusive is not None
    if policy is not None and inconclusive and policy.analysis.on_inconclusive.over(overdue):
        message = f"{where(status)}: not decided (analysis.onInconclusive: Abort); {slo.message}"
        return take_back(turn, status, Reason.INCONCLUSIVE, message)
    message = f"{where(status)}: no decision within the step's timeout; {slo.message}"
    return Move(status, Reason.STEP_TIMEOUT, message, turn.next_look(), stalled=True)


def _hold_reason(slo: SloReport) -> Reason:
    if slo.verdict is Verdict.FAIL:
        return Reason.WORSE_THAN_STABLE
    return slo.reason


def _hold_words(slo: SloReport) -> str:
    if slo.verdict is Verdict.FAIL:
        return f"{slo.severity.value} SLO failed, only Critical ones roll back; "
    if slo.reason is Reason.COMMON_CAUSE:
        return "breaks the objective, but is not shown to be worse than stable (a common cause?); "
    if slo.reason is Reason.WORSE_THAN_STABLE:
        return "worse than stable but inside the objective; "
    return ""


def traffic_split(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The candidate gets another share than the weight says: the evidence is not of the traffic that is meant."""
    split = turn.seen.split
    if split is None or split.agrees is not False:
        return None
    message = f"{where(status)}: {split_words(split)}; nothing moves forward on it"
    return Move(status, Reason.TRAFFIC_SPLIT, message, turn.next_look())


def split_words(split: Split) -> str:
    """What was seen, and what it usually comes from."""
    return (
        f"the candidate got {split.percent:.1f} % of {split.total} requests since the step began, its weight is "
        f"{split.weight} % (chi-square {split.chi_square:.0f}); likely causes: clients that reach a revision past the "
        f"route, another route for the hostname, scrapes that miss an arm's pods"
    )


def step_time(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The step needs its own time of accepted windows."""
    policy, rollout, have = turn.policy(status), rollout_of(status), turn.seen.assessment.step_time
    if policy is None or rollout.step_started_at is None:
        return Move(status, Reason.WAITING_FOR_ROUTE, f"{where(status)}: the step has not begun", turn.soon())
    stage = stage_of(policy, status)
    need = stage.for_ if stage is not None else timedelta()
    if have >= need:
        return None
    message = f"{where(status)}: every SLO passes; {format_duration(have)} of {format_duration(need)} judged"
    return Move(status, Reason.STEP_TIME, message, turn.next_look())


def where(status: ModelDeploymentStatus) -> str:
    """The step in words."""
    rollout = rollout_of(status)
    if status.phase is Phase.SHADOWING:
        return "shadow"
    if status.phase is Phase.BAKING:
        return f"bake at {weights_of(status).desired} %"
    return f"step {rollout.step} of {rollout.steps} at {weights_of(status).desired} %"
