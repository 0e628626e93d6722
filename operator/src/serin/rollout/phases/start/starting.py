"""The start of a rollout, and the parts of the observation that it needs."""

from __future__ import annotations

from datetime import datetime, timedelta

from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.revision import workload_name
from serin.api.status import ModelDeploymentStatus, RevisionRef, RolloutStatus, Weights
from serin.rollout.actions import with_answer
from serin.rollout.context import DecisionContext
from serin.rollout.observation import Part
from serin.rollout.phases.stable_outage import stable_is_down
from serin.rollout.rejections import rejections
from serin.rollout.steps.schedule import Schedule
from serin.rollout.transition import (
    Transition,
    with_fields,
    with_phase,
)
from serin.rollout.unrecorded import kept_ends
from serin.schema.phase import Phase
from serin.schema.reasons import Reason

NEEDED_IN_AN_OUTAGE = (Part.RECORDS, Part.INFERENCE_SERVICES)
"""Parts that a rollout needs to start while stable is down: its attempt and arm follow from them."""
NEEDED_TO_START = (*NEEDED_IN_AN_OUTAGE, Part.ENDPOINTS, Part.POLICY, Part.ACTIONS, Part.HOSTNAMES, Part.FREEZES)
"""Parts that a rollout needs to start otherwise."""
QUESTION_RETRY = timedelta(seconds=30)
"""The first pause between two questions about other objects; each is as long as all before it."""
ROUTE_STALLED_AFTER = timedelta(minutes=2)
"""How long the gateway may take to accept a route before a person is needed."""


def ask_again_at(context: DecisionContext, status: ModelDeploymentStatus, reason: Reason) -> datetime:
    """When to look again at objects of others that are in the way; no event says that they are gone.

    Each question reads many objects, so it is asked ever more rarely.
    """
    asked_since = status.since if status.reason is reason and status.since else context.now
    return context.now + max(QUESTION_RETRY, context.now - asked_since)


def wait_for_route(context: DecisionContext, status: ModelDeploymentStatus, message: str) -> Transition:
    """The hold until the gateway has accepted the route; stalled after ``ROUTE_STALLED_AFTER``."""
    since = status.since if status.reason is Reason.WAITING_FOR_ROUTE and status.since else context.now
    stalled = context.now - since >= ROUTE_STALLED_AFTER
    return Transition(status, Reason.WAITING_FOR_ROUTE, message, context.poll_at(), stalled=stalled)


def unreadable_before_start(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """The hold of a start while a part that it needs cannot be read; None if all can."""
    return unreadable(context, status, NEEDED_IN_AN_OUTAGE if status.stable_down_since else NEEDED_TO_START)


def unreadable(context: DecisionContext, status: ModelDeploymentStatus, needed: tuple[Part, ...]) -> Transition | None:
    """The hold of a start while one of the parts cannot be read."""
    part = next((part for part in needed if part in context.observed.unknown), None)
    if part is None:
        return None
    found = context.observed.unknown[part]
    message = f"{part.value} cannot be read: {found.message}; no rollout starts on what is unknown"
    phase = Phase.WAITING if status.stable is not None else Phase.PENDING
    return Transition(
        with_phase(status, phase), Reason.OBSERVATION_INCOMPLETE, message, context.poll_at(), stalled=found.refused
    )


def first_words(context: DecisionContext, ref: RevisionRef) -> str:
    """What is said of the first revision, which is tried against nothing."""
    arm = context.arm(ref)
    if arm is not None and arm.adopted:
        name = arm.ref.workload.name
        return f"version {ref.version} is what InferenceService {name} serves: it is adopted as it is, without steps"
    return f"version {ref.version} is the first; it serves as soon as it is ready"


def start_rollout(
    context: DecisionContext, status: ModelDeploymentStatus, wanted: RevisionRef, policy: PromotionPolicySpec | None
) -> Transition:
    """Starts a rollout or the first deployment; sets candidate, record name and R0."""
    returning = is_returning(context, status, wanted)
    # A first deployment gives way to the next one at once: of the records before, its own is known at most.
    attempt = max(context.observed.next_attempt, status.rollout.attempt + 1 if status.rollout is not None else 1)
    ended = {end.record for end in kept_ends(context.observed.route)} | {p.record for p in status.pending_outcomes}
    while _record_name(context, wanted, attempt) in ended:  # an attempt that has no record any more
        attempt += 1
    if status.stable is None:
        message = first_words(context, wanted)
    elif returning:
        message = f"version {wanted.version} comes up without traffic; it was stable before, so it needs no steps"
    else:
        message = f"version {wanted.version} comes up without traffic"
    reason = Reason.RETURNING if returning else Reason.PREPARING_CANDIDATE
    reason = reason if status.stable else Reason.FIRST_DEPLOYMENT
    rollout = RolloutStatus(
        record=_record_name(context, wanted, attempt),
        steps=Schedule(policy).count if policy else 0,
        returning=returning,
        retried=status.retry is not None and context.is_rejected(status, wanted.revision),
        started_at=context.now.replace(microsecond=0),
        stable_replicas=context.ready(status.stable),
        stable_transformers=context.transformers(status.stable),
        reason=reason,
        message=message,
        since=context.now.replace(microsecond=0),
    )
    kept = [ref for ref in status.draining if ref.revision != wanted.revision]
    answer = status.retry.asked.model_copy(update={"rollout": rollout.record}) if status.retry else None
    asked = policy is not None and (policy.waits_to_start or context.observed.turn is not None)
    waits = asked and status.stable is not None and not returning and not stable_is_down(context, status)
    if waits:
        what = "what the policy asks for before the start" if policy and policy.waits_to_start else "its turn"
        message = f"version {wanted.version} waits for {what}"
    after = with_fields(
        status,
        phase=Phase.WAITING if waits else Phase.PREPARING,
        candidate=wanted,
        rollout=rollout,
        weights=Weights(),
        draining=kept,
        retry=None,
        actions=with_answer(context, status.actions, answer) if answer else status.actions,
        rejected=[r for r in status.rejected if r.revision != wanted.revision],
    )
    after = with_fields(after, rejected=rejections(context, after))
    return Transition(after, reason, message, context.poll_at())


def _record_name(context: DecisionContext, wanted: RevisionRef, attempt: int) -> str:
    """The name of the PromotionRecord of an attempt."""
    return f"{workload_name(context.name, wanted.revision)}-{attempt}"


def is_returning(context: DecisionContext, status: ModelDeploymentStatus, wanted: RevisionRef) -> bool:
    """Whether spec goes back to the previous stable revision within its return period."""
    previous = status.previous
    if status.stable is None or previous is None or previous.hash is None or not previous.is_same(wanted):
        return False  # an unknown content has proven nothing
    if status.retry is not None:  # it has been rolled back since
        return False
    return previous.until is None or context.now < previous.until
