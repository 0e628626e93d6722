"""When and how is a candidate taken back? These rules run in every phase with a candidate; nothing blocks them."""

from __future__ import annotations

from datetime import timedelta

from serin.api.model_deployment import OnNewRevision
from serin.api.status import ModelDeploymentStatus, Rejection
from serin.patience import SilenceClock, nothing_known_too_long, undecided_too_long
from serin.rollout.capacity import receivable
from serin.rollout.evidence_gates import describe_step, overdue_by
from serin.rollout.interruption import interrupted
from serin.rollout.rejection import outcome_of, rejects
from serin.rollout.turn import (
    Move,
    Turn,
    changed,
    enter,
    failed_write,
    rollout_of,
    weight_on,
    weights_of,
    with_draining,
    with_rollout,
    with_weight,
)
from serin.schema.reasons import Phase, Reason
from serin.schema.types import format_time

WITHOUT_EVIDENCE = frozenset(
    {
        Reason.ABORTED_BY_HAND,
        Reason.ABORTED_BY_ACTION,
        Reason.SUPERSEDED,
        Reason.CANDIDATE_NOT_READY,
        Reason.CANDIDATE_CRASHED,
        Reason.MODEL_LOAD_FAILED,
    }
)
"""Causes that no window of counts has to show: they need not wait for Prometheus."""
CRASHES = frozenset({Reason.CANDIDATE_CRASHED, Reason.MODEL_LOAD_FAILED})
KEPT_REJECTIONS = 20
LONGEST_CAUSE = 800
ROUTE_PATIENCE = timedelta(seconds=60)
"""So long the gateway may take to accept 0 % before a person is asked to look at it."""
RECORD_PATIENCE = timedelta(minutes=5)
"""So long a rollout that has ended waits for its record; then it goes on, and the record is finished when it can be."""


def take_back(turn: Turn, status: ModelDeploymentStatus, reason: Reason, message: str) -> Move:
    """Decides against the candidate: RollingBack, and the weight down as far as stable can take it now."""
    message = message[:LONGEST_CAUSE]
    given = turn.seen.route.weight if turn.seen.route is not None else weights_of(status).desired
    decided = with_rollout(
        enter(status, Phase.ROLLING_BACK),
        outcome=outcome_of(reason),
        cause=reason,
        cause_message=message,
        decided_at=turn.now,
        decided_weight=given,
        blocked_since=None,
        interruption=None,
    )
    return roll_back(turn, decided)


def aborted_by_hand(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """A lowered weight on the route (or a mirror that is gone) is a person's, or a tool's, Abort."""
    route = turn.seen.route
    if route is None or status.candidate is None:
        return None
    intended = weights_of(status).applied if route.intended is None else route.intended
    closed = route.meant_to_expose - route.exposes
    if route.weight >= intended and not closed:
        return None
    what = (
        f"lowered the candidate's weight on the route from {intended} % to {route.weight} %"
        if route.weight < intended
        else f"took the {' and the '.join(sorted(way.value.lower() for way in closed))} off the route"
    )
    message = f"{route.editor or 'somebody'} {what}; version {status.candidate.version} is taken back"
    lowered = with_weight(status, min(weights_of(status).desired, route.weight))
    return take_back(turn, lowered, Reason.ABORTED_BY_HAND, message)


def breached(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """A Critical SLO is breached."""
    breach = turn.seen.assessment.breach
    if breach is None:
        return None
    reached = "; it had no weight yet: mirrored and preview requests only" * (status.phase is Phase.SHADOWING)
    return take_back(turn, status, breach.reason, f"{breach.message}{reached}")


def candidate_crashed(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The candidate has traffic and crashes."""
    arm = turn.arm(status.candidate)
    if arm is not None and arm.failure is not None and arm.failure.reason in CRASHES:
        return take_back(turn, status, arm.failure.reason, arm.failure.message)
    return None


def candidate_down(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The candidate has traffic and cannot answer: no weight at once, and taken back when that lasts."""
    interruption = interrupted(turn, status)
    if interruption is None or isinstance(interruption, Move):
        return interruption
    return take_back(turn, status, interruption.reason, interruption.message)


def superseded(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """Spec asks for another revision."""
    wanted, candidate = turn.seen.wanted, status.candidate
    if wanted is None or candidate is None or wanted.revision == candidate.revision:
        return None
    back = status.stable is not None and wanted.revision == status.stable.revision
    if turn.spec.on_new_revision is OnNewRevision.QUEUE and not back:
        return None
    what = "stable again" if back else "another revision"
    return take_back(
        turn, status, Reason.SUPERSEDED, f"spec asks for {what} (version {wanted.version}); this rollout ends"
    )


def unknown_clock(turn: Turn, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """Since when there is an SLO that decides without data."""
    since = rollout_of(status).unknown_since
    now_since = SilenceClock(since).at(turn.seen.assessment, turn.now).since
    return status if now_since == since else with_rollout(status, unknown_since=now_since)


def unknown_too_long(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The policy wants the candidate back when nobody knows how it does."""
    assessment, since, policy = turn.seen.assessment, rollout_of(status).unknown_since, turn.policy(status)
    slo = assessment.unknown
    if slo is None or since is None or policy is None:
        return None
    if not nothing_known_too_long(policy.analysis, assessment, SilenceClock(since), turn.now):
        return None
    message = f"nothing is known since {format_time(since)} (analysis.onNoData: Abort); {slo.message}"
    return take_back(turn, status, Reason.NO_DATA_TOO_LONG, message)


def inconclusive_too_long(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The policy wants the candidate back when a step is not decided for too long after its timeout."""
    slo, policy = turn.seen.assessment.inconclusive, turn.policy(status)
    if slo is None or policy is None or status.phase is Phase.BAKING:
        return None
    if not undecided_too_long(policy.analysis, turn.seen.assessment, overdue_by(turn, status, policy)):
        return None
    message = f"{describe_step(status)}: not decided (analysis.onInconclusive: Abort); {slo.message}"
    return take_back(turn, status, Reason.INCONCLUSIVE, message)


def cannot_start(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The candidate will not come up."""
    arm = turn.arm(status.candidate)
    if arm is not None and arm.failure is not None and arm.failure.final and arm.failure.own:
        return take_back(turn, status, arm.failure.reason, arm.failure.message)
    return None


ROLLBACK_RULES = (
    aborted_by_hand,
    breached,
    candidate_crashed,
    superseded,
    candidate_down,
    unknown_too_long,
    inconclusive_too_long,
)
"""While the candidate gets requests, in order of urgency; the first that answers wins."""
PREPARE_RULES = (superseded, cannot_start)
"""Before the candidate gets its first request."""
ENDING_RULES = (aborted_by_hand, breached, candidate_crashed)
"""While a promotion that has been decided waits for its record."""


def roll_back(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """RollingBack: weight first, then the record, then it is over."""
    rollout, route, lowest = rollout_of(status), turn.seen.route, receivable(turn, status)
    on_candidate = max(weights_of(status).desired, route.weight if route else 0)
    cause = rollout.cause or Reason.SLO_BREACHED
    why = rollout.cause_message or ""
    if on_candidate and lowest is None:
        return _no_receiver(turn, status, why, on_candidate)
    shown = weight_on(route, status.candidate) if route is not None else on_candidate  # never above what somebody left
    status = with_weight(status, min(weights_of(status).desired, lowest or 0, shown))
    desired = weights_of(status).desired
    if desired:
        message = f"{why}; stable can take {100 - desired} % so far, the rest follows as it comes up"
        return Move(status, cause, message, turn.soon())
    if route is not None and (route.weight > 0 or route.exposes or not route.accepted):
        return _route_waits(turn, status, cause, why)
    return wait_for_record(turn, status, cause, why) or _over(turn, status, cause, why)


def _no_receiver(turn: Turn, status: ModelDeploymentStatus, why: str, on_candidate: int) -> Move:
    """Nothing can take the traffic. A further revision in spec may be the cure: it comes up, and this rollout ends."""
    wanted, candidate, stable = turn.seen.wanted, status.candidate, status.stable
    others = {ref.revision for ref in (candidate, stable) if ref is not None}
    if wanted is not None and wanted.revision not in others and turn.seen.rejection(wanted.revision) is None:
        message = f"{why}; stable has no ready endpoint; version {wanted.version} comes up to take its place"
        return wait_for_record(turn, status, Reason.NO_RECEIVER, message) or _over(
            turn, status, Reason.NO_RECEIVER, message
        )
    message = (
        f"{why}; stable has no ready endpoint, {on_candidate} % stay on the candidate: act now; restore stable, or put "
        f"a revision that works into spec"
    )
    return Move(status, Reason.NO_RECEIVER, message, turn.soon(), stalled=True)


def _route_waits(turn: Turn, status: ModelDeploymentStatus, cause: Reason, why: str) -> Move:
    """0 % is decided and the gateway has not accepted it yet; when that lasts, somebody has to look at it."""
    decided_at, route = rollout_of(status).decided_at, turn.seen.route
    if decided_at is None or turn.now - decided_at < ROUTE_PATIENCE:
        return Move(status, cause, why, turn.soon())
    words = f": {route.message}" if route is not None and route.message else ""
    message = f"{why}; the gateway has not accepted 0 % for the candidate{words}; look at the gateway"
    return Move(status, cause, message, turn.soon(), stalled=True)


def wait_for_record(turn: Turn, status: ModelDeploymentStatus, cause: Reason, why: str) -> Move | None:
    """A rollout that has ended stays in status until its record says so, or has had its time to."""
    rollout, record = rollout_of(status), turn.record(status)
    if not turn.record_open(status) or rollout.decided_at is None:
        return None
    until = rollout.decided_at + RECORD_PATIENCE
    if turn.now >= until:
        return None
    failure = failed_write(status, "PromotionRecord")
    if failure is None and (record is not None or turn.now - rollout.decided_at < ROUTE_PATIENCE):
        return Move(status, cause, why, turn.soon())
    trouble = failure.message if failure is not None else "it cannot be read"
    message = (
        f"{why}; PromotionRecord {rollout.record} is not finished: {trouble}; without it the rollout ends at "
        f"{format_time(until.replace(microsecond=0))}"
    )
    return Move(status, cause, message, turn.soon(), stalled=True)


def _over(turn: Turn, status: ModelDeploymentStatus, cause: Reason, why: str) -> Move:
    """The candidate has no traffic and the record is written: forget the rollout, remember a rejection."""
    rollout, candidate = rollout_of(status), status.candidate
    ended_for, rejected = rollout.cause or cause, status.rejected
    until = turn.now + (turn.spec.route.timeout if rollout.exposed else timedelta(0))
    draining = with_draining(status, candidate and candidate.model_copy(update={"until": until}))
    if candidate and rejects(ended_for):
        rejection = Rejection(
            revision=candidate.revision,
            version=candidate.version,
            at=rollout.decided_at or turn.now,
            reason=ended_for,
            record=rollout.record,
        )
        others = [r for r in status.rejected if r.revision != candidate.revision]
        rejected = [rejection, *others][:KEPT_REJECTIONS]
    phase = Phase.ROLLED_BACK if rejects(ended_for) else Phase.WAITING
    after = changed(
        status,
        phase=phase,
        candidate=None,
        rollout=None,
        weights=weights_of(status).model_copy(update={"desired": 0}),
        draining=draining,
        rejected=rejected,
    )
    return Move(after, cause, why, turn.now)
