"""The status of a ModelDeployment without one: new, or rebuilt from its route and records; never guessed."""

from __future__ import annotations

from dataclasses import replace

from serin.api.people import GateStatus
from serin.api.status import ModelDeploymentStatus, RevisionRef, RolloutStatus, Weights
from serin.policy_gates.answer import GateState
from serin.rollout.context import DecisionContext
from serin.rollout.observation import Part, RouteView
from serin.rollout.rejections import rejections
from serin.rollout.steps.schedule import EVERYTHING, Schedule
from serin.rollout.transition import Transition, with_fields, with_rollout
from serin.rollout.unrecorded import MOST_PENDING, pending_again
from serin.rollout.views import RecordView
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason

EMPTY = ModelDeploymentStatus()
RUNBOOK = "docs/runbooks/lost-status.md"


def rebuild(context: DecisionContext, left: ModelDeploymentStatus = EMPTY) -> ModelDeploymentStatus | Transition:
    """The status from the route and the records; a frozen Transition if they disagree or cannot be read.

    What is left of a torn status, and stands nowhere else, is kept.
    """
    found = _rebuilt(context)
    if isinstance(found, Transition):
        return replace(found, status=_with_memory(found.status, left))
    pending = {ended.record: ended for ended in (*pending_again(context, found), *left.pending_outcomes)}
    after = with_fields(_with_memory(found, left), pending_outcomes=list(pending.values())[:MOST_PENDING])
    return with_fields(after, rejected=rejections(context, after))


def _with_memory(status: ModelDeploymentStatus, left: ModelDeploymentStatus) -> ModelDeploymentStatus:
    return with_fields(
        status,
        rejected=left.rejected,
        actions=left.actions,
        notifications=left.notifications,
        pending_outcomes=left.pending_outcomes,
    )


def _rebuilt(context: DecisionContext) -> ModelDeploymentStatus | Transition:
    observed = context.observed
    part = next((part for part in (Part.INFERENCE_SERVICES, Part.RECORDS) if part in observed.unknown), None)
    if part is not None:
        message = (
            f"status is empty and {part.value} cannot be read: {observed.unknown[part].message}; nothing is touched"
        )
        refused = observed.unknown[part].refused
        return Transition(
            EMPTY, Reason.OBSERVATION_INCOMPLETE, message, context.poll_at(), stalled=refused, frozen=True
        )
    if observed.route is not None and observed.route.stable is not None:
        return _from_route(context, observed.route, observed.route.stable)
    if _adopts(context):
        return with_fields(EMPTY, phase=Phase.PENDING)
    stable = _last_stable(observed.records)
    if stable is not None:
        return with_fields(EMPTY, phase=Phase.WAITING, stable=stable, message="rebuilt from the records")
    unexplained = [
        a for a in observed.arms.values() if not observed.wanted or a.ref.revision != observed.wanted.revision
    ]
    if unexplained:
        names = ", ".join(arm.ref.workload.name for arm in unexplained)
        return _conflict(f"InferenceServices exist ({names}) but neither a route nor a record says what was stable")
    return with_fields(EMPTY, phase=Phase.PENDING)


def _adopts(context: DecisionContext) -> bool:
    """Whether an InferenceService is to be adopted: that word is newer than the records of an earlier time."""
    problem, arms = context.observed.problem, context.observed.arms.values()
    return any(arm.adopted for arm in arms) or (problem is not None and problem.reason is Reason.ADOPTION_REFUSED)


def _from_route(context: DecisionContext, route: RouteView, stable_revision: str) -> ModelDeploymentStatus | Transition:
    stable = _ref(context, stable_revision)
    if stable is None:
        return _conflict(f"the route names stable revision {stable_revision}, but no InferenceService or record does")
    base = with_fields(EMPTY, phase=Phase.WAITING, stable=stable)
    newest = context.observed.records[-1] if context.observed.records else None
    if route.candidate is None and (newest is None or newest.finished or newest.stable is None):
        return base
    if route.candidate is None and newest is not None and newest.candidate.revision == stable_revision:
        return base  # it was promoted, and only its record does not say so yet
    named = route.candidate or (newest.candidate.revision if newest else "")
    candidate = _ref(context, named)
    record = next((r for r in reversed(context.observed.records) if r.candidate.revision == named), None)
    if candidate is None or record is None:
        return _conflict(f"the route names candidate revision {named}, but its record or arm is missing")
    if record.stable is None or record.stable.revision != stable_revision:
        return _conflict(f"record {record.name} and the route disagree on which revision is stable")
    return _resumed(context, with_fields(base, candidate=candidate), route, record)


def _resumed(
    context: DecisionContext, base: ModelDeploymentStatus, route: RouteView, record: RecordView
) -> ModelDeploymentStatus:
    """The rollout at the step of its weight; the step's time restarts, the evidence is kept."""
    # A weight below the annotation was lowered by a person. Resumed with the annotation's weight, it counts as Abort.
    weight = route.weight if route.intended is None else route.intended
    message = f"status was lost; rebuilt from the route ({route.weight} % on the candidate) and record {record.name}"
    rollout = _rollout_again(context, base, route, record, weight=weight, message=message)
    status = with_fields(base, rollout=rollout, weights=Weights(desired=weight, applied=weight))
    if record.outcome is Outcome.PROMOTED:
        return with_rollout(
            with_fields(status, phase=Phase.PROMOTING),
            outcome=record.outcome,
            cause=record.reason,
            cause_message=message,
            decided_at=record.decided_at,
        )
    if record.finished:
        return with_rollout(
            with_fields(status, phase=Phase.ROLLING_BACK, weights=Weights(desired=0, applied=weight)),
            outcome=record.outcome,
            cause=record.reason,
            cause_message=message,
            decided_at=record.decided_at,
        )
    if weight == 0 and _waits(context, route, record):
        return with_fields(status, phase=Phase.WAITING)
    if weight == 0:
        return with_fields(status, phase=Phase.SHADOWING if route.meant_to_expose else Phase.PREPARING)
    after_steps = weight == EVERYTHING or (record.policy is not None and weight >= record.policy.last_weight)
    return with_fields(status, phase=Phase.PROMOTING if after_steps else Phase.PROGRESSING)


def _rollout_again(
    context: DecisionContext,
    base: ModelDeploymentStatus,
    route: RouteView,
    record: RecordView,
    *,
    weight: int,
    message: str,
) -> RolloutStatus:
    step = Schedule(record.policy).step_at(weight) if record.policy else 0
    return RolloutStatus(
        record=record.name,
        steps=len(record.policy.steps) if record.policy else 0,
        step=step,
        retried=context.observed.rejection(record.candidate.revision) is not None,
        started_at=record.started_at,
        exposed_at=context.now if weight or route.meant_to_expose else None,
        routed_at=context.now if route.candidate else None,
        held=record.held,
        promote=record.promote,
        advances=list(record.advances),
        stable_down=weight == EVERYTHING and record.took_over,
        # Nobody knows then why the candidate has everything: a promotion is not said to be the evidence's.
        cause=Reason.STATE_REBUILT if weight == EVERYTHING and record.lacks_promotion else None,
        gates=_gates(context, record, step),
        stable_replicas=context.ready(base.stable),
        stable_transformers=context.transformers(base.stable),
        reason=Reason.STATE_REBUILT,
        message=message,
        since=context.now.replace(microsecond=0),
    )


def _waits(context: DecisionContext, route: RouteView, record: RecordView) -> bool:
    """Whether the policy's gates before the start have not all been open yet: then nothing of the candidate exists."""
    asks = record.policy is not None and record.policy.waits_to_start
    return asks and route.candidate is None and record.candidate.revision not in context.observed.arms


def _gates(context: DecisionContext, record: RecordView, step: int) -> list[GateStatus]:
    """The gates that had opened, and those with approvals, as if they were asked now."""
    named = {gate.name: gate for gate in record.policy.gates} if record.policy is not None else {}
    opened = {gate.name: gate for gate in record.gates if gate.name in named and gate.name not in record.approvals}
    waiting = [
        GateStatus(
            name=name,
            before=named[name].before,
            kind=named[name].chosen.kind,
            step=step,
            state=GateState.WAITING,
            since=context.now.replace(microsecond=0),
            message="status was lost; it is asked again",
            approvals=list(approvals),
        )
        for name, approvals in record.approvals.items()
        if name in named
    ]
    return [*opened.values(), *waiting]


def _ref(context: DecisionContext, revision: str) -> RevisionRef | None:
    arm = context.observed.arms.get(revision)
    if arm is not None and arm.doubt is None:
        return arm.ref
    for record in reversed(context.observed.records):
        for ref in (record.candidate, record.stable):
            if ref is not None and ref.revision == revision:
                return ref
    return arm.ref if arm is not None else None


def _last_stable(records: tuple[RecordView, ...]) -> RevisionRef | None:
    """The revision that is stable after the newest record."""
    if not records:
        return None
    newest = records[-1]
    return newest.candidate if newest.outcome is Outcome.PROMOTED else newest.stable


def _conflict(what: str) -> Transition:
    message = f"status is lost and {what}; nothing is touched; what ends it: {RUNBOOK}"
    return Transition(EMPTY, Reason.STATE_CONFLICT, message, stalled=True, frozen=True)
