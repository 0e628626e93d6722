"""The objects that a status needs. Derived from the status in every pass, so a crash loses nothing."""

from __future__ import annotations

from dataclasses import replace

from serin.api.policy.exposure import Exposure
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.rollout.actions import answers
from serin.rollout.capacity import full_size, full_transformers, needed, next_share
from serin.rollout.context import DecisionContext, exposure
from serin.rollout.decision import Finish, Plan, RecordPlan, RoutePlan
from serin.rollout.observation import Part
from serin.rollout.retention import expired
from serin.rollout.steps.schedule import EVERYTHING
from serin.rollout.transition import weights_of
from serin.rollout.unrecorded import ends_to_keep, promoted_at, promotion_cause
from serin.rollout.views import RecordView
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason


def plan(context: DecisionContext, status: ModelDeploymentStatus) -> Plan:
    """The plan for ``status``. The route comes first, as it may be a rollback; deletions come last."""
    serving = [ref for ref in (status.stable, status.candidate) if ref is not None]
    without_candidate = status.phase in {Phase.WAITING, Phase.ROLLING_BACK}
    kept = [ref for ref in serving if not without_candidate or ref is status.stable]
    return Plan(
        route=_route(context, status),
        record=_record(context, status),
        ensure=tuple(kept),
        at_least=_at_least(context, status),
        transformers_at_least=_transformers_at_least(context, status),
        finish=tuple(f for record in context.observed.records if (f := _finish(context, status, record)) is not None),
        delete=_surplus(context, status, {ref.revision for ref in serving}),
        answers=answers(context, status),
        expired=_expired(context, status),
    )


def _expired(context: DecisionContext, status: ModelDeploymentStatus) -> tuple[str, ...]:
    """Names of records to delete; none while the records cannot be read."""
    if Part.RECORDS in context.observed.unknown:
        return ()
    return expired(context.observed.records, status, context.observed.retention, context.now)


def _at_least(context: DecisionContext, status: ModelDeploymentStatus) -> dict[str, int]:
    """Minimum replicas: for stable what it started with, for the candidate what its next weight needs.

    An autoscaler sees only the load of its arm. It would scale stable in as its weight falls, and would not scale the
    candidate out before it has the weight, which waits for the replicas.
    """
    rollout, stable, candidate = status.rollout, status.stable, status.candidate
    if rollout is None or stable is None or candidate is None or status.phase is Phase.WAITING:
        return {}
    share = next_share(context, status) if context.policy(status) is not None else weights_of(status).desired
    # Stable's size at the start, not its size now: otherwise its autoscaler could never scale in again.
    return {stable.revision: rollout.stable_replicas, candidate.revision: needed(share, full_size(context, status))}


def _transformers_at_least(context: DecisionContext, status: ModelDeploymentStatus) -> dict[str, int]:
    """The same of the transformers, in the arms that have one."""
    rollout, stable, candidate = status.rollout, status.stable, status.candidate
    if rollout is None or stable is None or candidate is None or status.phase is Phase.WAITING:
        return {}
    share = next_share(context, status) if context.policy(status) is not None else weights_of(status).desired
    sizes = {
        stable.revision: rollout.stable_transformers or 0,
        candidate.revision: needed(share, full_transformers(context, status)),
    }
    return {ref.revision: sizes[ref.revision] for ref in (stable, candidate) if context.transformers(ref) is not None}


def _route(context: DecisionContext, status: ModelDeploymentStatus) -> RoutePlan | None:
    """The split, with the ends that no record has yet: a status that is lost or cannot be written has none of them."""
    split = _split(context, status)
    return replace(split, rollback=ends_to_keep(status)) if split is not None else None


def _split(context: DecisionContext, status: ModelDeploymentStatus) -> RoutePlan | None:
    weight = weights_of(status).desired
    if status.stable is None:
        first = status.candidate if weight else None
        return RoutePlan(first, None, 0) if first else None
    if (
        not weight
        and context.is_down(status.stable)
        and (context.observed.route is None or _serves_without_stable(context))
    ):
        return None
    drains = (ref for ref in status.draining if ref.until is None or ref.until > context.now)
    idle = tuple(ref for ref in drains if context.ready(ref))
    if status.candidate is None or status.phase is Phase.WAITING:
        return RoutePlan(status.stable, None, 0, idle)
    if status.phase is Phase.PREPARING and not _routable(context, status.candidate):
        return RoutePlan(status.stable, None, 0, idle)
    if status.phase is Phase.ROLLING_BACK and not weight and not _has_service(context, status):
        return RoutePlan(status.stable, None, 0, idle)
    ways, policy = exposure(context, status), context.policy(status)
    preview = policy.preview if policy is not None and Exposure.PREVIEW in ways else None
    header = preview.header if preview else None
    gone = weight == EVERYTHING and context.is_down(status.stable)
    return RoutePlan(status.stable, status.candidate, weight, idle, Exposure.MIRROR in ways, header, stable_gone=gone)


def _serves_without_stable(context: DecisionContext) -> bool:
    """Whether the route sends requests to a revision with ready endpoints; it is kept while stable is down."""
    route = context.observed.route
    arm = context.observed.arms.get(route.candidate or "") if route is not None else None
    return route is not None and route.weight > 0 and arm is not None and arm.ready > 0


def _has_service(context: DecisionContext, status: ModelDeploymentStatus) -> bool:
    """Whether the candidate's Service exists: the candidate had traffic, and is ready or in an accepted route.

    KServe deletes the Service of a stopped InferenceService; a gateway never accepts a route that names it.
    """
    had_traffic = status.rollout is not None and status.rollout.exposed
    if not had_traffic or context.arm(status.candidate) is None or status.candidate is None:
        return False
    route = context.observed.route
    known = route is not None and route.candidate == status.candidate.revision and route.accepted
    return context.ready(status.candidate) > 0 or known


def _routable(context: DecisionContext, candidate: RevisionRef) -> bool:
    """Whether the route may name the candidate: gateways refuse a route to a Service that does not exist."""
    named = context.observed.route is not None and context.observed.route.candidate == candidate.revision
    return named or context.ready(candidate) > 0


def _record(context: DecisionContext, status: ModelDeploymentStatus) -> RecordPlan | None:
    rollout, candidate = status.rollout, status.candidate
    if rollout is None or candidate is None or rollout.outcome is not None or context.record(status) is not None:
        return None
    if Part.RECORDS in context.observed.unknown:  # it may exist
        return None
    # In an outage the record is made without a policy, but not while one may exist: nobody serves before it is read.
    may_exist = Part.POLICY in context.observed.unknown and rollout.promote is None
    waits_for_policy = status.stable is not None and (status.stable_down_since is None or may_exist)
    if waits_for_policy and not isinstance(context.observed.policy, PromotionPolicySpec):
        return None  # a record without a policy would hold every forward move
    if rollout.exposed and not rollout.served_unrecorded:  # the record was deleted: a new one would lack the evidence
        return None
    return RecordPlan(rollout.record, rollout.attempt, candidate, status.stable, rollout.started_at)


def _finish(context: DecisionContext, status: ModelDeploymentStatus, record: RecordView) -> Finish | None:
    """The outcome to write to an open record of a rollout that has been decided."""
    if record.finished:
        return None
    rollout = status.rollout
    if rollout is not None and rollout.record == record.name:
        if rollout.outcome is None or rollout.cause is None or rollout.decided_at is None:
            return None
        return Finish(record.name, rollout.outcome, rollout.cause, rollout.cause_message or "", rollout.decided_at)
    pending = next((p for p in status.pending_outcomes if p.record == record.name), None)
    if pending is not None:
        return Finish(record.name, pending.outcome, pending.cause, pending.message, pending.decided_at)
    promoted = promoted_at(context, status, record)
    if promoted is not None:
        message = f"version {record.candidate.version} was promoted"
        return Finish(record.name, Outcome.PROMOTED, promotion_cause(record), message, promoted)
    rejection = next((r for r in status.rejected if r.record == record.name), None)
    if rejection is not None:
        return Finish(
            record.name,
            rejection.reason.effect.outcome,
            rejection.reason,
            "see the ModelDeployment's status",
            rejection.at,
        )
    return Finish(record.name, Outcome.SUPERSEDED, Reason.SUPERSEDED, "another revision took its place", context.now)


def _surplus(context: DecisionContext, status: ModelDeploymentStatus, serving: set[str]) -> tuple[RevisionRef, ...]:
    """Arms to delete: Serin's, neither stable nor candidate, not draining, and without weight in the route.

    One that was adopted is its owner's to delete.
    Ready arms are kept while stable is down, or while the route names them; all are kept while the endpoints cannot be
    read.
    """
    if Part.INFERENCE_SERVICES in context.observed.unknown or not context.endpoints_known:
        return ()
    busy = {
        ref.revision
        for ref in status.draining
        if (ref.until > context.now if ref.until is not None else context.ready(ref))
    }
    route, outage = context.observed.route, context.is_down(status.stable)
    if route is not None and route.weight > 0 and route.candidate is not None:
        busy.add(route.candidate)
    named = route.stable if route is not None else None
    return tuple(
        arm.ref
        for revision, arm in context.observed.arms.items()
        if revision not in serving | busy
        and not arm.deleting
        and not (arm.ready and (outage or revision == named))
        and arm.doubt is None
        and not arm.adopted
    )
