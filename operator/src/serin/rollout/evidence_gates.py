"""Gates of the evidence: has every SLO passed, on the traffic that is meant, for long enough?"""

from __future__ import annotations

from datetime import timedelta

from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import ModelDeploymentStatus
from serin.evidence import SloReport, Split
from serin.patience import overdue
from serin.rollout.schedule import Schedule
from serin.rollout.turn import Move, Turn, rollout_of, weights_of
from serin.schema.reasons import Phase, Reason, Verdict
from serin.schema.types import format_duration

FIRST_WINDOWS = 6
"""So many windows of a step may pass before silence is worth a warning: the first requests have to come and be read."""
FIRST_SCRAPES = timedelta(seconds=30)


def undecided(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """An SLO that decides has not passed."""
    slo, policy = turn.seen.assessment.blocking, turn.policy(status)
    if slo is None and turn.seen.assessment.slos:
        return None
    late = overdue_by(turn, status, policy) is not None
    wake = turn.next_look()
    if slo is None or policy is None:
        reason = Reason.COLLECTING_EVIDENCE if _young(turn, status, policy) else Reason.NO_DATA
        message = f"{describe_step(status)}: no window has been judged yet"
        return Move(status, reason, message, wake, stalled=late)
    if late and status.phase is not Phase.BAKING:
        message = f"{describe_step(status)}: no decision within the step's timeout; {slo.message}"
        return Move(status, Reason.STEP_TIMEOUT, message, wake, stalled=True)
    if slo.verdict is Verdict.NO_DATA and slo.known_until is None and _young(turn, status, policy):
        message = f"{describe_step(status)}: waiting for the first requests; {slo.message}"
        return Move(status, Reason.COLLECTING_EVIDENCE, message, wake)
    message = f"{describe_step(status)}: {_describe_hold(slo)}{slo.message}"
    return Move(status, _hold_reason(slo), message, wake, stalled=late)


def overdue_by(turn: Turn, status: ModelDeploymentStatus, policy: PromotionPolicySpec | None) -> timedelta | None:
    """How long ago the timeout of the step, the shadow or the bake was over; None before."""
    if policy is None:
        return None
    stage = Schedule(policy).stage(status.phase, rollout_of(status).step)
    if status.phase is Phase.BAKING and policy.bake is not None:
        limit = policy.bake.for_ + policy.bake.timeout
    elif stage is not None:
        limit = stage.timeout
    else:
        return None
    return overdue(rollout_of(status).step_started_at, limit, turn.now)


def _young(turn: Turn, status: ModelDeploymentStatus, policy: PromotionPolicySpec | None) -> bool:
    """Whether the step has just begun: that nothing is known of it yet is no trouble."""
    begun = rollout_of(status).step_started_at
    window = policy.analysis.window if policy is not None else timedelta()
    return begun is None or turn.now - begun < FIRST_WINDOWS * window + FIRST_SCRAPES


def _hold_reason(slo: SloReport) -> Reason:
    if slo.verdict is Verdict.FAIL:
        return Reason.WORSE_THAN_STABLE
    return slo.reason


def _describe_hold(slo: SloReport) -> str:
    if slo.verdict is Verdict.FAIL:
        return f"{slo.severity.value} SLO failed, only Critical ones roll back; "
    if slo.reason is Reason.COMMON_CAUSE:
        return "breaks the objective, but is not shown to be worse than stable (a common cause?); "
    if slo.reason is Reason.WORSE_THAN_STABLE:
        return "worse than stable; "
    return ""


def traffic_split(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The candidate gets another share than the weight says: the evidence is not of the traffic that is meant."""
    split = turn.seen.split
    if split is None or split.agrees is not False:
        return None
    message = f"{describe_step(status)}: {describe_split(split)}; nothing moves forward on it"
    late = overdue_by(turn, status, turn.policy(status)) is not None
    return Move(status, Reason.TRAFFIC_SPLIT, message, turn.next_look(), stalled=late)


def describe_split(split: Split) -> str:
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
        message = f"{describe_step(status)}: the step has not begun"
        return Move(status, Reason.WAITING_FOR_ROUTE, message, turn.soon())
    stage = Schedule(policy).stage(status.phase, rollout.step)
    need = stage.for_ if stage is not None else timedelta()
    if have >= need:
        return None
    late = overdue_by(turn, status, policy) is not None
    message = f"{describe_step(status)}: every SLO passes; {format_duration(have)} of {format_duration(need)} judged"
    return Move(status, Reason.STEP_TIME, message, turn.next_look(), stalled=late)


def bake_time(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The bake needs its own time of accepted windows."""
    policy, have = turn.policy(status), turn.seen.assessment.step_time
    if policy is None or policy.bake is None or have >= policy.bake.for_:
        return None
    need = format_duration(policy.bake.for_)
    message = f"{describe_step(status)}: every SLO passes; {format_duration(have)} of {need} judged"
    late = overdue_by(turn, status, policy) is not None
    return Move(status, Reason.BAKING, message, turn.next_look(), stalled=late)


def describe_step(status: ModelDeploymentStatus) -> str:
    """The step in words."""
    rollout = rollout_of(status)
    if status.phase is Phase.SHADOWING:
        return "shadow"
    if status.phase is Phase.BAKING:
        return f"bake at {weights_of(status).desired} %"
    return f"step {rollout.step} of {rollout.steps} at {weights_of(status).desired} %"
