"""What happens to a candidate that has traffic and lost its last ready endpoint?

A drained node or an eviction leaves it without one for a moment; other pods come. Its weight is 0 meanwhile, for nobody
would answer; within the policy's grace it gets back the weight that it had, and nothing is held against it. When the
grace is over, the candidate is rolled back, for the cause that its pods tell.
"""

from __future__ import annotations

from datetime import timedelta

from serin.api.status import Interruption, ModelDeploymentStatus
from serin.rollout.capacity import full_size, needed
from serin.rollout.context import DecisionContext
from serin.rollout.gates import RESUME_GATES, first_hold
from serin.rollout.observation import Failure, Part
from serin.rollout.phases import LATE
from serin.rollout.transition import Transition, rollout_of, weights_of, whole_second, with_rollout, with_weight
from serin.schema.reasons import Reason
from serin.schema.types import format_time

DEFAULT_GRACE = timedelta(seconds=10)
SETTLES = timedelta(seconds=2)
"""How long the gateway may take to learn of endpoints that are ready."""


def endpoint_loss(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | Failure | None:
    """The Transition of a candidate without endpoints, or the Failure that ends it; None while it can answer."""
    candidate, interruption = status.candidate, rollout_of(status).interruption
    if context.is_down(candidate):
        return _down(context, status, interruption)
    if interruption is None or not context.endpoints_known:
        return None
    return _ready_again(context, status, interruption)


def _down(
    context: DecisionContext, status: ModelDeploymentStatus, interruption: Interruption | None
) -> Transition | Failure:
    arm = context.arm(status.candidate)
    if arm is None:
        return Failure(Reason.CANDIDATE_NOT_READY, "the candidate's InferenceService is gone")
    begun = interruption or Interruption(at=context.now, weight=weights_of(status).desired)
    policy, version = context.policy(status), status.candidate.version if status.candidate else "?"
    until = begun.at + (policy.rollback.endpoint_grace if policy is not None else DEFAULT_GRACE)
    if context.now >= until:
        return _cause(context, arm.failure)
    trouble = f" ({arm.failure.message})" if arm.failure is not None else ""
    status = with_rollout(status, interruption=begun.model_copy(update={"ready_at": None}), step_started_at=None)
    if context.is_down(status.stable):
        message = f"neither version {version}{trouble} nor stable has a ready endpoint: act now"
        return Transition(status, Reason.NO_RECEIVER, message, min(until, context.poll_at()), stalled=True)
    message = (
        f"version {version} lost its last ready endpoint{trouble}; its weight is 0; it gets back {begun.weight} % if "
        f"it is ready again before {format_time(whole_second(until))}, and is taken back then"
    )
    return Transition(with_weight(status, 0), Reason.CANDIDATE_NOT_READY, message, min(until, context.poll_at()))


def _cause(context: DecisionContext, failure: Failure | None) -> Failure:
    """What the pods say of it; where they cannot be read, nothing is held against the revision."""
    lost = "the candidate has no ready endpoint left"
    if Part.PODS in context.observed.unknown:
        return Failure(Reason.OBSERVATION_INCOMPLETE, f"{lost}, and its pods cannot be read", own=False)
    if failure is None:
        return Failure(Reason.CANDIDATE_NOT_READY, lost)
    reason = Reason.CANDIDATE_NOT_READY if failure.own else failure.reason
    return Failure(reason, f"{lost}; {failure.message}", own=failure.own)


def _ready_again(
    context: DecisionContext, status: ModelDeploymentStatus, interruption: Interruption
) -> Transition | None:
    """It gets back what it had, as soon as enough of it is ready and the gateway had time to learn of it."""
    need = needed(interruption.weight, full_size(context, status))
    have = context.ready(status.candidate)
    version = status.candidate.version if status.candidate else "?"
    if have < need:
        message = f"version {version} has {have} ready of the {need} that {interruption.weight} % need"
        return Transition(status, Reason.WAITING_FOR_CAPACITY, message, context.poll_at())
    ready_at = interruption.ready_at or context.now
    if context.now < ready_at + SETTLES:
        waiting = with_rollout(status, interruption=interruption.model_copy(update={"ready_at": ready_at}))
        message = f"version {version} is ready again; its endpoints are on their way to the gateway"
        return Transition(waiting, Reason.WAITING_FOR_ROUTE, message, ready_at + SETTLES)
    return None


def resume_after_interruption(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Gives a candidate that is ready again its weight, as far as no gate for that holds; None without interruption."""
    interruption = rollout_of(status).interruption
    if interruption is None:
        return None
    hold = first_hold(context, status, RESUME_GATES)
    if hold is not None:
        return hold
    version = status.candidate.version if status.candidate else "?"
    message = f"version {version} is ready again and gets back {interruption.weight} %"
    reason = Reason.PROMOTING if status.phase in LATE else Reason.COLLECTING_EVIDENCE
    after = with_rollout(with_weight(status, interruption.weight), interruption=None, step_started_at=None)
    return Transition(after, reason, message, context.poll_at())
