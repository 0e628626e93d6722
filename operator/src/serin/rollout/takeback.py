"""When and how is a candidate taken back? These rules run in every phase with a candidate; nothing blocks them."""

from __future__ import annotations

from datetime import timedelta

from serin.api.model_deployment import OnNewRevision
from serin.api.reasons import Outcome, Phase, Reason
from serin.api.status import ModelDeploymentStatus, Rejection
from serin.api.types import format_time
from serin.rollout.turn import Move, Turn, changed, enter, rollout_of, weights_of, with_rollout, with_weight

OUTCOMES = {
    Reason.ABORTED_BY_HAND: Outcome.ABORTED,
    Reason.ABORTED_BY_ACTION: Outcome.ABORTED,
    Reason.NO_DATA_TOO_LONG: Outcome.ABORTED,
    Reason.INCONCLUSIVE: Outcome.ABORTED,
    Reason.SUPERSEDED: Outcome.SUPERSEDED,
}
PLAIN = frozenset(
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
PATIENCE = timedelta(seconds=60)
"""So long a rollback waits for stable to grow; then what is ready takes everything."""


def take_back(turn: Turn, status: ModelDeploymentStatus, reason: Reason, message: str) -> Move:
    """Decides against the candidate: RollingBack, and the weight down as far as stable can take it now."""
    message = message[:LONGEST_CAUSE]
    decided = with_rollout(
        enter(status, Phase.ROLLING_BACK),
        outcome=OUTCOMES.get(reason, Outcome.ROLLED_BACK),
        cause=reason,
        cause_message=message,
        decided_at=turn.now,
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


def candidate_down(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The candidate has traffic and crashes, or cannot answer at all."""
    arm = turn.arm(status.candidate)
    if arm is not None and arm.failure is not None and arm.failure.reason in CRASHES:
        return take_back(turn, status, arm.failure.reason, arm.failure.message)
    if arm is None or arm.ready == 0:
        return take_back(turn, status, Reason.CANDIDATE_NOT_READY, "the candidate has no ready endpoint left")
    return None


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
    slo, since = turn.seen.assessment.unknown, rollout_of(status).unknown_since
    if slo is None:
        return status if since is None else with_rollout(status, unknown_since=None)
    if since is None or (slo.known_until is not None and slo.known_until > since):
        return with_rollout(status, unknown_since=turn.now)
    return status


def unknown_too_long(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The policy wants the candidate back when nobody knows how it does."""
    slo, since, policy = turn.seen.assessment.unknown, rollout_of(status).unknown_since, turn.policy(status)
    if slo is None or since is None or policy is None or not policy.analysis.on_no_data.over(turn.now - since):
        return None
    message = f"nothing is known since {format_time(since)} (analysis.onNoData: Abort); {slo.message}"
    return take_back(turn, status, Reason.NO_DATA_TOO_LONG, message)


TAKE_BACK = (aborted_by_hand, breached, candidate_down, superseded, unknown_too_long)
"""In order of urgency; the first that answers wins."""


def receivable(turn: Turn, status: ModelDeploymentStatus) -> int | None:
    """The lowest candidate weight that stable can take over from now; None without any ready endpoint."""
    ready, full = turn.ready(status.stable), max(1, rollout_of(status).stable_replicas)
    if ready == 0:
        return None
    decided_at = rollout_of(status).decided_at
    waited = decided_at is not None and turn.now - decided_at >= PATIENCE
    return 0 if ready >= full or waited else 100 - (100 * ready) // full


def roll_back(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """RollingBack: weight first, then the record, then it is over."""
    rollout, route, lowest = rollout_of(status), turn.seen.route, receivable(turn, status)
    on_candidate = max(weights_of(status).desired, route.weight if route else 0)
    cause = rollout.cause or Reason.SLO_BREACHED
    why = rollout.cause_message or ""
    if on_candidate and lowest is None:
        message = f"{why}; stable has no ready endpoint, {on_candidate} % stay on the candidate: act now"
        return Move(status, Reason.NO_RECEIVER, message, turn.soon(), stalled=True)
    by_hand = route.weight if route is not None and route.weight < (route.intended or 0) else 100
    status = with_weight(status, min(weights_of(status).desired, lowest or 0, by_hand))
    desired = weights_of(status).desired
    if desired:
        message = f"{why}; stable can take {100 - desired} % so far, the rest follows as it comes up"
        return Move(status, cause, message, turn.soon())
    if route is not None and (route.weight > 0 or route.exposes or not route.accepted):
        return Move(status, cause, why, turn.soon())
    record = turn.record(status)
    if record is not None and not record.finished:
        return Move(status, cause, why, turn.soon())
    return _over(turn, status, cause, why)


def _over(turn: Turn, status: ModelDeploymentStatus, cause: Reason, why: str) -> Move:
    """The candidate has no traffic and the record is written: forget the rollout, remember the rejection."""
    rollout, candidate = rollout_of(status), status.candidate
    until = turn.now + (turn.spec.route.timeout if rollout.exposed else timedelta(0))
    draining = [*status.draining, candidate.model_copy(update={"until": until})] if candidate else status.draining
    rejected = status.rejected
    if candidate and rollout.outcome is not Outcome.SUPERSEDED:
        rejection = Rejection(
            revision=candidate.revision,
            version=candidate.version,
            at=rollout.decided_at or turn.now,
            reason=cause,
            record=rollout.record,
        )
        others = [r for r in status.rejected if r.revision != candidate.revision]
        rejected = [rejection, *others][:KEPT_REJECTIONS]
    phase = Phase.WAITING if rollout.outcome is Outcome.SUPERSEDED else Phase.ROLLED_BACK
    after = changed(status, phase=phase, candidate=None, rollout=None, draining=draining, rejected=rejected)
    return Move(after, cause, why, turn.now)
