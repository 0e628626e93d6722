"""A rollback: started, continued until the gateway has accepted 0 %, ended when its record is finished."""

from __future__ import annotations

from datetime import timedelta

from serin.api.status import ModelDeploymentStatus, PendingOutcome, Rejection, RolloutStatus
from serin.rollout.capacity import lowest_weight
from serin.rollout.context import DecisionContext
from serin.rollout.observation import taker_of
from serin.rollout.phases.following import is_wanted_again, retry_again, what_follows
from serin.rollout.phases.stable_outage import DOWN_FOR, kept_from_serving, stable_is_down
from serin.rollout.phases.stable_outage import RECORD_TIMEOUT as OUTAGE_RECORD_TIMEOUT
from serin.rollout.steps.schedule import EVERYTHING
from serin.rollout.transition import (
    Transition,
    failed_write,
    rollout_of,
    weight_on,
    weights_of,
    whole_second,
    with_draining,
    with_fields,
    with_phase,
    with_rollout,
    with_weight,
)
from serin.rollout.unrecorded import MOST_PENDING
from serin.rollout.views import KEPT_REJECTIONS
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from serin.schema.types import format_duration, format_time
from serin.schema.words import is_known

LONGEST_CAUSE = 800
ROLLBACK_STALLED_AFTER = timedelta(seconds=60)
"""How long the gateway may take to accept 0 % before a person is needed."""
RECORD_TOLD_AFTER = timedelta(seconds=45)
"""A record is finished sooner with windows of 15 s, unless they cannot be read yet."""
RECORD_TIMEOUT = timedelta(minutes=5)
"""How long a decided rollout waits for its record; after that its outcome is kept in ``pendingOutcomes``."""

WITHOUT_A_BREACH = frozenset(
    {
        Reason.CANDIDATE_CRASHED,
        Reason.MODEL_LOAD_FAILED,
        Reason.CANDIDATE_NOT_READY,
        Reason.PREPARE_TIMEOUT,
        Reason.NO_DATA_TOO_LONG,
        Reason.INCONCLUSIVE,
    }
)
"""Causes that reject a revision of which no request was proven bad: where stable is dead it serves if it is ready."""
KEPT_TO_BEGIN_ANEW = timedelta(minutes=1)
"""How long a candidate stays up that comes back in the next rollout."""


def start_rollback(context: DecisionContext, status: ModelDeploymentStatus, reason: Reason, message: str) -> Transition:
    """Enters RollingBack, and lowers the weight as far as stable can take the traffic now.

    It ends in a later pass, even if nothing is left to wait for: whoever follows the phases sees each end decided.
    """
    message = message[:LONGEST_CAUSE]
    weight = context.observed.route.weight if context.observed.route is not None else weights_of(status).desired
    decided = with_rollout(
        with_phase(status, Phase.ROLLING_BACK),
        outcome=reason.effect.outcome,
        cause=reason,
        cause_message=message,
        decided_at=context.now,
        decided_weight=weight,
        blocked_since=None,
        interruption=None,
    )
    begun = continue_rollback(context, decided)
    if begun.status.rollout is not None:
        return begun
    # The weight of before may never have reached the route, which must not get it now; what serves alone keeps its own.
    left = _left_on_route(context, decided) if context.is_down(status.stable) else weights_of(begun.status).desired
    return Transition(with_weight(decided, left), reason, message, context.now)


def done_by_hand(context: DecisionContext, status: ModelDeploymentStatus) -> str | None:
    """Who lowered the candidate's weight, or removed its mirror, on the route from outside; None if nobody did."""
    route = context.observed.route
    if route is None or status.candidate is None:
        return None
    weights = weights_of(status)
    # What Serin itself has just lowered is not yet applied.
    intended = min(weights.applied, weights.desired) if route.intended is None else route.intended
    if route.weight < intended:
        return f"{route.edited_by} lowered the candidate's weight on the route from {intended} % to {route.weight} %"
    removed = sorted(way.value.lower() for way in route.meant_to_expose - route.exposes)
    return f"{route.edited_by} took the {' and the '.join(removed)} off the route" if removed else None


def _with_who_helped(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """The cause, with who lowered the weight by hand while Serin could not: the record is to name them as well."""
    why, what = rollout_of(status).cause_message or "", done_by_hand(context, status)
    if what is None or what in why:
        return status
    return with_rollout(status, cause_message=f"{why}; {what}"[:LONGEST_CAUSE])


def continue_rollback(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    """RollingBack: the weight to 0 first, then the record, then the end."""
    status = _with_who_helped(context, status)
    rollout, route, lowest = rollout_of(status), context.observed.route, lowest_weight(context, status)
    on_candidate = max(weights_of(status).desired, route.weight if route else 0)
    cause = rollout.cause or Reason.SLO_BREACHED
    why = rollout.cause_message or ""
    if on_candidate and lowest is None:
        return _no_receiver(context, status, why, on_candidate)
    limit = RECORD_TIMEOUT
    if lowest is None:  # stable is down, and nobody serves: nothing waits for a record longer than an outage does
        serving = _serve_all(context, status, why)
        if serving is not None:
            return serving
        version = status.stable.version if status.stable else "?"
        cause, limit = Reason.STABLE_NOT_READY, OUTAGE_RECORD_TIMEOUT
        why = f"{why}; stable version {version} has no ready endpoint"
    status = with_weight(status, min(_left_on_route(context, status), lowest or 0))
    desired = weights_of(status).desired
    if desired:
        message = f"{why}; stable can take {100 - desired} % so far, the rest follows as it comes up"
        return Transition(status, cause, message, context.poll_at())
    if route is not None and (route.weight > 0 or route.exposes or not route.accepted):
        return _wait_for_gateway(context, status, cause, why)
    return wait_for_record(context, status, cause, why, limit) or _end_rollback(context, status, cause, why)


def _no_receiver(context: DecisionContext, status: ModelDeploymentStatus, why: str, on_candidate: int) -> Transition:
    """Stable cannot take the traffic. This rollout ends if spec asks for a revision that may serve in its place."""
    serving = _serve_all(context, status, why)
    if serving is not None:
        return serving
    follows = what_follows(context, status)
    if follows is not None:
        message = f"{why}; stable has no ready endpoint; {follows}"
        hold = wait_for_record(context, status, Reason.NO_RECEIVER, message, OUTAGE_RECORD_TIMEOUT)
        return hold or _end_rollback(context, status, Reason.NO_RECEIVER, message)
    message = (
        f"{why}; stable has no ready endpoint, {on_candidate} % stay on the candidate: act now; restore stable, or put "
        f"a revision that works into spec{context.taken_name}"
    )
    kept = with_weight(status, _left_on_route(context, status))
    return Transition(kept, Reason.NO_RECEIVER, message, context.poll_at(), stalled=True)


def _left_on_route(context: DecisionContext, status: ModelDeploymentStatus) -> int:
    """What the candidate has at most: a weight that a person lowered on the route is not raised again.

    A route whose annotation somebody has removed does not tell what it gives.
    """
    route, weights = context.observed.route, weights_of(status)
    if route is None or (route.candidate is None and weights.applied):
        return weights.desired
    return min(weights.desired, weight_on(route, status.candidate))


def _serve_all(context: DecisionContext, status: ModelDeploymentStatus, why: str) -> Transition | None:
    """All traffic to a candidate of which no breach was seen, while it is the only ready arm; or on a Promote.

    It does not become stable: stable takes all traffic as soon as it is ready again. None if it may not serve.
    """
    rollout, candidate = rollout_of(status), status.candidate
    cause = rollout.cause
    if cause is None or not is_known(cause) or candidate is None:
        return None
    if cause.effect.rejects and cause not in WITHOUT_A_BREACH and not _promoted_since(rollout):
        return None
    if not context.ready(candidate) or kept_from_serving(context, status) is not None:
        return None
    version, has_all = candidate.version, weights_of(status).desired == EVERYTHING
    if has_all and weight_on(context.observed.route, candidate) == EVERYTHING:
        return None
    if not has_all and not stable_is_down(context, status):
        message = (
            f"{why}; stable has no ready endpoint; if that lasts for {format_duration(DOWN_FOR)}, version {version} "
            f"takes all traffic"
        )
        return Transition(status, Reason.NO_RECEIVER, message, context.poll_at(), stalled=True)
    message = f"{why}; stable has no ready endpoint: version {version} takes all traffic until stable is ready again"
    return Transition(with_weight(status, EVERYTHING), Reason.STABLE_DOWN, message, context.poll_at(), stalled=True)


def _promoted_since(rollout: RolloutStatus) -> bool:
    """Whether a Promote came after it was decided to take the candidate back; answers are in whole seconds."""
    promote, decided_at = rollout.promote, rollout.decided_at
    return promote is not None and decided_at is not None and promote.at >= whole_second(decided_at)


def with_pending_outcome(context: DecisionContext, status: ModelDeploymentStatus) -> list[PendingOutcome]:
    """The pending outcomes, with that of the rollout that ends now if its record is still open."""
    rollout, candidate = rollout_of(status), status.candidate
    known = list(status.pending_outcomes)
    if not context.record_open(status) or candidate is None or rollout.outcome is None or rollout.cause is None:
        return known
    ended = PendingOutcome(
        record=rollout.record,
        revision=candidate.revision,
        outcome=rollout.outcome,
        cause=rollout.cause,
        message=rollout.cause_message or "",
        decided_at=rollout.decided_at or context.now,
    )
    return [ended, *known][:MOST_PENDING]


def _wait_for_gateway(context: DecisionContext, status: ModelDeploymentStatus, cause: Reason, why: str) -> Transition:
    """Waits until the gateway has accepted 0 %; stalled after ``ROLLBACK_STALLED_AFTER``."""
    since, route = rollout_of(status).growing_since, context.observed.route
    if since is None or context.now - since < ROLLBACK_STALLED_AFTER:
        return Transition(status, cause, why, context.poll_at())
    words = f": {route.message}" if route is not None and route.message else ""
    taker = taker_of(route)
    message = f"{why}; {taker} has not accepted 0 % for the candidate{words}; look at {taker}"
    return Transition(status, cause, message, context.poll_at(), stalled=True)


def wait_for_record(
    context: DecisionContext, status: ModelDeploymentStatus, cause: Reason, why: str, limit: timedelta = RECORD_TIMEOUT
) -> Transition | None:
    """Waits until the record of a decided rollout is finished, for at most ``limit``; None when the wait is over."""
    rollout, record = rollout_of(status), context.record(status)
    if not context.record_open(status) or rollout.decided_at is None:
        return None
    until = rollout.decided_at + limit
    if context.now >= until:
        return None
    failure = failed_write(status, "PromotionRecord")
    if failure is None and (record is not None or context.now - rollout.decided_at < ROLLBACK_STALLED_AFTER):
        told = context.now - rollout.decided_at >= RECORD_TOLD_AFTER
        waits = (
            f"; PromotionRecord {rollout.record} waits for its last windows until "
            f"{format_time(until.replace(microsecond=0))} at the latest"
        )
        return Transition(status, cause, why + waits if told else why, context.poll_at())
    trouble = failure.message if failure is not None else "it cannot be read"
    message = (
        f"{why}; PromotionRecord {rollout.record} is not finished: {trouble}; without it the rollout ends at "
        f"{format_time(until.replace(microsecond=0))}"
    )
    return Transition(status, cause, message, context.poll_at(), stalled=True)


def _end_rollback(context: DecisionContext, status: ModelDeploymentStatus, cause: Reason, why: str) -> Transition:
    """Removes the rollout from status, and adds the rejection if the cause rejects the revision."""
    rollout, candidate = rollout_of(status), status.candidate
    ended_for, rejected = rollout.cause or cause, status.rejected
    kept = context.spec.drain if rollout.exposed else timedelta(0)
    anew = ended_for is Reason.POLICY_EDITED or (cause is Reason.NO_RECEIVER and is_wanted_again(context, status))
    if anew:  # the same revision need not come up again
        kept = max(kept, KEPT_TO_BEGIN_ANEW)
    until = context.now + kept
    draining = with_draining(status, candidate and candidate.model_copy(update={"until": until}))
    unknown = not is_known(ended_for) and rollout.outcome is Outcome.ROLLED_BACK  # a cause of a newer version of Serin
    rejected_now = ended_for.effect.rejects or unknown
    if candidate and rejected_now:
        rejection = Rejection(
            revision=candidate.revision,
            version=candidate.version,
            hash=candidate.hash,
            at=rollout.decided_at or context.now,
            reason=ended_for,
            record=rollout.record,
        )
        others = [r for r in status.rejected if r.revision != candidate.revision]
        rejected = [rejection, *others][:KEPT_REJECTIONS]
    phase = Phase.ROLLED_BACK if rejected_now else Phase.WAITING
    after = with_fields(
        status,
        phase=phase,
        candidate=None,
        rollout=None,
        pending_outcomes=with_pending_outcome(context, status),
        weights=weights_of(status).model_copy(update={"desired": 0}),
        draining=draining,
        rejected=rejected,
        retry=retry_again(status) if anew else status.retry,
    )
    return Transition(after, cause, why, context.now)
