"""When does a candidate get more traffic? Gates in order; the first that holds says why, and nothing moves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from serin.api.evidence import SloReport, Split
from serin.api.model_deployment import ModelDeploymentStatus
from serin.api.reasons import Phase, Reason, Verdict
from serin.api.types import format_duration
from serin.rollout.drift import template_drift
from serin.rollout.takeback import TAKE_BACK, superseded, take_back, unknown_clock
from serin.rollout.turn import (
    Move,
    Turn,
    enter,
    needed,
    rollout_of,
    step_of,
    weights_of,
    with_rollout,
    with_weight,
)

LATE = frozenset({Phase.PROMOTING, Phase.BAKING})
ROUTE_SETTLES = timedelta(seconds=2)
Gate = Callable[[Turn, ModelDeploymentStatus], Move | None]


def first(gates: tuple[Gate, ...], turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """What the first gate that holds says; None when all are open."""
    return next((move for gate in gates if (move := gate(turn, status)) is not None), None)


# --- Preparing: the candidate comes up without traffic --------------------------------------------------------------


def cannot_start(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The candidate will not come up."""
    arm = turn.arm(status.candidate)
    if arm is not None and arm.failure is not None and arm.failure.final:
        return take_back(turn, status, arm.failure.reason, arm.failure.message)
    return None


def took_too_long(turn: Turn, status: ModelDeploymentStatus, trouble: str) -> Move | None:
    """It is the candidate that is waited for, and for too long."""
    policy, rollout = turn.policy(status), rollout_of(status)
    if policy is None or rollout.step or turn.now - rollout.started_at < policy.prepare_timeout:
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
    """No weight without a record."""
    rollout = rollout_of(status)
    if turn.record(status) is not None:
        return None
    if rollout.step:
        message = f"PromotionRecord {rollout.record} is gone; nothing moves forward without it; the watch goes on"
        return Move(status, Reason.STATE_CONFLICT, message, turn.next_look(), stalled=True)
    return Move(status, Reason.PREPARING_CANDIDATE, "the PromotionRecord is being created", turn.soon())


def candidate_not_up(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The candidate has too few ready replicas for its next weight."""
    weight = _next_weight(turn, status)
    need, have = needed(weight, rollout_of(status).stable_replicas), turn.ready(status.candidate)
    if have >= need:
        return None
    arm = turn.arm(status.candidate)
    trouble = f"; {arm.failure.message}" if arm is not None and arm.failure is not None else ""
    late = took_too_long(turn, status, trouble)
    if late is not None:
        return late
    message = f"the candidate has {have} ready of the {need} that {weight} % need{trouble}"
    reason = Reason.WAITING_FOR_CAPACITY if rollout_of(status).step else Reason.PREPARING_CANDIDATE
    return Move(status, reason, message, turn.soon())


def stable_too_small(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """Stable must be whole before anything moves: it is where a rollback goes."""
    have, need = turn.ready(status.stable), max(1, rollout_of(status).stable_replicas)
    if have >= need:
        return None
    message = f"stable has {have} ready of {need} replicas; nothing moves forward until it is whole"
    return Move(status, Reason.WAITING_FOR_CAPACITY, message, turn.soon())


def not_routed(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The gateway must know the candidate's endpoints before it sends anything there.

    A route and the endpoints behind it reach the data plane separately: named at 0 % first, and given time to
    arrive, the first weight finds them (measured: a first weight without this met a 503).
    """
    route, rollout = turn.seen.route, rollout_of(status)
    named = route is not None and status.candidate is not None and route.candidate == status.candidate.revision
    if route is None or not named or not route.accepted:
        why = f": {route.message}" if route is not None and named and route.message else ""
        return Move(status, Reason.WAITING_FOR_ROUTE, f"the gateway is told of the candidate, at 0 %{why}", turn.soon())
    routed_at = rollout.routed_at or turn.now
    if turn.now >= routed_at + ROUTE_SETTLES:
        return None
    message = "the candidate's endpoints are on their way to the gateway"
    waiting = with_rollout(status, routed_at=routed_at)
    return Move(waiting, Reason.WAITING_FOR_ROUTE, message, routed_at + ROUTE_SETTLES)


def route_pending(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The gateway must have accepted what was decided last."""
    route, desired = turn.seen.route, weights_of(status).desired
    if route is not None and route.accepted and route.weight == desired:
        return None
    why = f": {route.message}" if route is not None and route.message else ""
    return Move(status, Reason.WAITING_FOR_ROUTE, f"the gateway has not yet accepted {desired} %{why}", turn.soon())


def paused(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """No forward move while spec.paused."""
    if not turn.spec.paused:
        return None
    message = f"spec.paused is true: {weights_of(status).desired} % stay on the candidate; set it to false to go on"
    return Move(status, Reason.PAUSED, message, turn.next_look())


def _next_weight(turn: Turn, status: ModelDeploymentStatus) -> int:
    policy, rollout = turn.policy(status), rollout_of(status)
    if policy is None or rollout.returning or status.phase in LATE:
        return 100
    return policy.steps[rollout.step].weight if rollout.step < rollout.steps else policy.last_weight


def prepare(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """Preparing: ready, recorded, routed, then the first step."""
    gates = (
        superseded,
        cannot_start,
        record_missing,
        policy_lost,
        candidate_not_up,
        stable_too_small,
        not_routed,
        paused,
    )
    return first(gates, turn, status) or _next_step(turn, status)


# --- Progressing: steps ----------------------------------------------------------------------------------------------


def step_clock(turn: Turn, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """The step's time starts when the gateway has accepted its weight."""
    route, rollout = turn.seen.route, rollout_of(status)
    accepted = route is not None and route.accepted and route.weight == weights_of(status).desired
    if rollout.step_started_at is None and accepted:
        return with_rollout(status, step_started_at=turn.now)
    return status


def undecided(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """An SLO that decides has not passed."""
    slo = turn.seen.assessment.blocking
    if slo is None and turn.seen.assessment.slos:
        return None
    rollout, policy = rollout_of(status), turn.policy(status)
    wake = turn.next_look()
    if slo is None or policy is None:
        return Move(status, Reason.NO_DATA, f"{where(status)}: no window has been judged yet", wake)
    if status.phase is Phase.PROGRESSING and rollout.step_started_at is not None:
        overdue = turn.now - rollout.step_started_at - step_of(policy, rollout.step).timeout
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
    need = step_of(policy, rollout.step).for_
    if have >= need:
        return None
    message = f"{where(status)}: every SLO passes; {format_duration(have)} of {format_duration(need)} judged"
    return Move(status, Reason.STEP_TIME, message, turn.next_look())


def where(status: ModelDeploymentStatus) -> str:
    """The step in words."""
    rollout = rollout_of(status)
    if status.phase is Phase.BAKING:
        return f"bake at {weights_of(status).desired} %"
    return f"step {rollout.step} of {rollout.steps} at {weights_of(status).desired} %"


HOLDS = (
    route_pending,
    record_missing,
    policy_lost,
    template_drift,
    undecided,
    traffic_split,
    step_time,
    paused,
    stable_too_small,
    candidate_not_up,
)
"""What must be in order before the next step; the first that holds says why."""


def progress(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """Progressing: taken back first of all; then every gate; then the next step."""
    status = unknown_clock(turn, step_clock(turn, status))
    return first((*TAKE_BACK, *HOLDS), turn, status) or _next_step(turn, status)


def _next_step(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """The next weight; after the last step all traffic."""
    rollout, weight = rollout_of(status), _next_weight(turn, status)
    if rollout.returning or rollout.step >= rollout.steps:
        after = with_rollout(with_weight(enter(status, Phase.PROMOTING), weight), step_started_at=None)
        how = "it was stable before" if rollout.returning else "all steps passed"
        message = f"{how}; {weight} % of the requests go to version {after.candidate and after.candidate.version}"
        return Move(after, Reason.PROMOTING, message, turn.soon())
    after = with_rollout(
        with_weight(enter(status, Phase.PROGRESSING), weight), step=rollout.step + 1, step_started_at=None
    )
    message = f"{where(after)}: {weight} % of the requests go to version {after.candidate and after.candidate.version}"
    return Move(after, Reason.COLLECTING_EVIDENCE, message, turn.soon())
