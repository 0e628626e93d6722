"""Interruption: a candidate with traffic loses its last ready endpoint, by a drained node or an eviction.

Its weight is set to 0. If it is ready again within the policy's ``endpointGrace``, it gets its weight back. After the
grace it is rolled back; the state of its pods gives the cause.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from serin.api.status import Interruption, ModelDeploymentStatus
from serin.rollout.capacity import lacking
from serin.rollout.context import DecisionContext
from serin.rollout.gates import RESUME_GATES, first_hold
from serin.rollout.gates.cluster.candidate_routed import ENDPOINT_PROPAGATION
from serin.rollout.gates.cluster.unreadable import unreadable
from serin.rollout.gates.gate import Gate, HeldBy, with_hold_clock
from serin.rollout.observation import Failure, Part
from serin.rollout.phases import AFTER_STEPS
from serin.rollout.transition import Transition, rollout_of, weights_of, whole_second, with_rollout, with_weight
from serin.schema.reasons import Reason
from serin.schema.types import format_time

DEFAULT_GRACE = timedelta(seconds=10)
"""``rollback.endpointGrace`` if the policy is not known."""
LONGEST_CAUSE = 500
GONE = Failure(
    Reason.DEPENDENCY_UNAVAILABLE, "the candidate's InferenceService was deleted, and not by Serin", own=False
)


def endpoint_loss(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | Failure | None:
    """The Transition of a candidate without endpoints, or the Failure that rolls it back; None if it has endpoints."""
    if not context.is_down(status.candidate):
        return None
    rollout, arm = rollout_of(status), context.arm(status.candidate)
    # Pods of before may look ready for some seconds beside one that is made again, so it gets no grace.
    if arm is None and not context.is_down(status.stable):
        return GONE
    failure = arm.failure if arm is not None else GONE
    if rollout.stable_down and context.ready(status.stable):
        cause = "stable is ready again, and the candidate that served in its place lost its endpoints"
        return Failure(Reason.STABLE_DOWN, f"{cause}; it is tried again, step by step", own=False)
    interruption = _with_cause(context, status, failure)
    until = interruption.grace_begins_at + _grace(context, status)
    # While stable is down, too, there is nothing to roll back to.
    if context.now >= until and not context.is_down(status.stable):
        return _final_failure(context, failure, interruption)
    return _zero_weight(context, status, interruption, failure, until)


def _with_cause(context: DecisionContext, status: ModelDeploymentStatus, failure: Failure | None) -> Interruption:
    """The interruption, with the cluster's failure of the candidate if one was observed."""
    known = rollout_of(status).interruption
    interruption = known or Interruption(at=context.now, weight=weights_of(status).desired)
    changes: dict[str, object] = {"ready_at": None}
    if _has_returned(interruption):  # this is another loss
        changes |= {"grace_from": context.now}
    if failure is not None and not failure.own:
        changes |= {"cause": failure.reason, "cause_message": failure.message[:LONGEST_CAUSE]}
    return interruption.model_copy(update=changes)


def with_return(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """The status as the candidate is ready again: since when, and that it was for so long that it can be lost anew.

    Where stable was away, too, the candidate has kept its weight: nothing is to be given back, and it is judged as
    soon as the gateway knows its endpoints, whatever holds the next step.
    """
    interruption = status.rollout.interruption if status.rollout is not None else None
    if interruption is None or not context.ready(status.candidate):
        return status
    ready_at = interruption.ready_at or context.now
    reached = context.now >= _reached_at(ready_at)  # what the gateway answers before is no evidence
    if reached and weights_of(status).desired:
        return _ended(context, status, interruption)
    changes: dict[str, object] = {"ready_at": ready_at}
    if reached and not _has_returned(interruption):
        changes |= {"grace_from": context.now}
    return with_rollout(status, interruption=interruption.model_copy(update=changes))


def answered_by_gateway_until(interruption: Interruption, now: datetime) -> datetime:
    """Until when the gateway answered in the candidate's place, as far as that is known.

    A candidate that was seen ready is judged again without another look: endpoints may not be readable any more.
    """
    return min(now, _reached_at(interruption.ready_at)) if interruption.ready_at is not None else now


def _reached_at(ready_at: datetime) -> datetime:
    """When the gateway knows the endpoints of a candidate that is ready since ``ready_at``."""
    return ready_at + ENDPOINT_PROPAGATION


def _has_returned(interruption: Interruption) -> bool:
    """Whether it was seen ready for so long that the gateway knows its endpoints, whatever else holds its weight."""
    returned_at, ready_at = interruption.grace_from, interruption.ready_at
    return ready_at is not None and returned_at is not None and returned_at > ready_at


def _zero_weight(
    context: DecisionContext,
    status: ModelDeploymentStatus,
    interruption: Interruption,
    failure: Failure | None,
    until: datetime,
) -> Transition:
    """Weight 0 until the candidate is ready again; unchanged while stable is down, too."""
    status = with_rollout(status, interruption=interruption)
    version = status.candidate.version if status.candidate else "?"
    trouble = f" ({failure.message})" if failure is not None else ""
    if context.is_down(status.stable):
        message = f"neither version {version}{trouble} nor stable has a ready endpoint: act now{context.taken_name}"
        return Transition(status, Reason.NO_RECEIVER, message, context.poll_at(), stalled=True)
    message = (
        f"version {version} lost its last ready endpoint{trouble}; its weight is 0; "
        f"it gets back {interruption.weight} % if it is ready again before {format_time(whole_second(until))}, "
        f"and is taken back then"
    )
    wake_at = min(until, context.poll_at())
    return Transition(with_weight(status, 0), Reason.CANDIDATE_NOT_READY, message, wake_at)


def _final_failure(context: DecisionContext, failure: Failure | None, interruption: Interruption) -> Failure:
    """The cause by the state of the pods, now or earlier; not the revision's if they cannot be read."""
    lost = "the candidate has no ready endpoint left"
    if Part.PODS in context.observed.unknown:
        return Failure(Reason.OBSERVATION_INCOMPLETE, f"{lost}, and its pods cannot be read", own=False)
    if failure is not None:
        reason = Reason.CANDIDATE_NOT_READY if failure.own else failure.reason
        return Failure(reason, f"{lost}; {failure.message}", own=failure.own)
    if interruption.cause is not None:
        return Failure(interruption.cause, f"{lost}; {interruption.cause_message}", own=False)
    return Failure(Reason.CANDIDATE_NOT_READY, lost)


def resume_after_interruption(
    context: DecisionContext, status: ModelDeploymentStatus, gates: tuple[Gate, ...] = RESUME_GATES
) -> Transition | None:
    """Gives a candidate that is ready again its weight, unless a gate holds; None without interruption.

    No gate holds one that had no weight: a shadow gets requests, so it has to be judged.
    """
    interruption = rollout_of(status).interruption
    if interruption is None:
        return None
    hold = _not_ready_again(context, status, interruption)
    if hold is not None:
        return with_hold_clock(context, hold, HeldBy.CLUSTER)
    hold = first_hold(context, status, gates) if interruption.weight else None
    if hold is not None:
        return hold
    version = status.candidate.version if status.candidate else "?"
    message = f"version {version} is ready again and gets back {interruption.weight} %"
    reason = Reason.PROMOTING if status.phase in AFTER_STEPS else Reason.COLLECTING_EVIDENCE
    after = _ended(context, with_weight(status, interruption.weight), interruption)
    return Transition(after, reason, message, context.poll_at())


def _ended(
    context: DecisionContext, status: ModelDeploymentStatus, interruption: Interruption
) -> ModelDeploymentStatus:
    after = with_rollout(status, interruption=None, blocked_since=None)
    if context.now - interruption.at > _grace(context, status):  # a long interruption restarts the step's clock
        after = with_rollout(after, step_started_at=None)
    return after


def _not_ready_again(
    context: DecisionContext, status: ModelDeploymentStatus, interruption: Interruption
) -> Transition | None:
    """The hold until enough replicas are ready and their endpoints have reached the gateway."""
    version = status.candidate.version if status.candidate else "?"
    if not context.endpoints_known:
        return unreadable(context, status)
    lack = lacking(context, status, status.candidate, interruption.weight)
    if lack is not None:
        what = f"the {lack.of} of version {version}" if lack.of else f"version {version}"
        message = f"{what} has {lack.have} ready of the {lack.need} that {interruption.weight} % need"
        return Transition(status, Reason.WAITING_FOR_CAPACITY, message, context.poll_at())
    reached_at = _reached_at(interruption.ready_at or context.now)
    if context.now < reached_at:
        message = f"version {version} is ready again; its endpoints are on their way to the gateway"
        return Transition(status, Reason.WAITING_FOR_ROUTE, message, reached_at)
    return None


def _grace(context: DecisionContext, status: ModelDeploymentStatus) -> timedelta:
    policy = context.policy(status)
    return policy.rollback.endpoint_grace if policy is not None else DEFAULT_GRACE
