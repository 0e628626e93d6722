"""Corrections of a status before a decision: entries that are over are removed, impossible values replaced."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeVar

from serin.api.predictor.naming import is_adopted, service_name
from serin.api.revision import replica_bounds
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.rollout.context import DecisionContext
from serin.rollout.observation import Part
from serin.rollout.transition import (
    weight_on,
    with_fields,
    with_rollout,
)
from serin.schema.reasons import Reason
from serin.schema.types import ApiModel

CLOCK_TOLERANCE = timedelta(seconds=5)
"""How far the clocks of two replicas may differ without a correction."""
NO_CLOCKS = frozenset({"until", "wake_at", "started_at", "conditions", "notifications", "rejected", "actions", "retry"})
"""Fields whose times are meant to be in the future, by which a record is known, or which tell what has been told."""
Of = TypeVar("Of", bound=ApiModel)


def without_drained(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """Removes draining arms whose time is over and whose InferenceService is deleted, or not Serin's to delete."""
    there = {revision for revision, arm in context.observed.arms.items() if not arm.adopted}
    kept = [
        ref for ref in status.draining if (ref.until is not None and ref.until > context.now) or ref.revision in there
    ]
    return status if kept == list(status.draining) else with_fields(status, draining=kept)


def without_lost_adoption(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """Puts Serin's own workload in place of an adopted InferenceService that somebody has deleted.

    The revision is the same; what served it does not come back, and Serin makes nothing under a name that is not its.
    While the API server knows no InferenceServices at all, none of them is known to be deleted.
    """
    problem = context.observed.problem
    missing = problem is not None and problem.reason is Reason.KSERVE_MISSING
    if missing or Part.INFERENCE_SERVICES in context.observed.unknown:
        return status

    where = (context.observed.namespace, context.name)

    def of_own(ref: RevisionRef | None) -> RevisionRef | None:
        if ref is None or ref.revision in context.observed.arms or not is_adopted(ref, *where):
            return ref
        workload = ref.workload.model_copy(update={"name": service_name(*where, ref.revision)})
        return ref.model_copy(update={"workload": workload, "template": None})

    changes = {name: of_own(getattr(status, name)) for name in ("stable", "candidate", "previous")}
    changed = any(changes[name] is not getattr(status, name) for name in changes)
    return with_fields(status, **changes) if changed else status


def without_stale_retry(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """Removes a Retry of a revision that spec no longer asks for."""
    wanted, retry = context.observed.wanted, status.retry
    stale = retry is not None and wanted is not None and wanted.revision != retry.revision
    return with_fields(status, retry=None) if stale else status


def with_exposure_time(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """Sets ``exposedAt`` of a rollout that an earlier version of Serin began, if the candidate has a weight."""
    rollout, route = status.rollout, context.observed.route
    if rollout is None or rollout.exposed_at is not None or status.stable is None:
        return status
    weights = (status.weights.applied, status.weights.desired) if status.weights else ()
    weight = max(*weights, weight_on(route, status.candidate), 0)
    return with_rollout(status, exposed_at=rollout.started_at) if weight else status


def without_written_outcomes(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """Removes pending outcomes that are written to their record, or whose record does not exist."""
    if Part.RECORDS in context.observed.unknown or status.rollout is not None:  # then only its own record is read
        return status
    unwritten = {record.name for record in context.observed.records if not record.finished}
    kept = [ended for ended in status.pending_outcomes if ended.record in unwritten]
    return status if kept == list(status.pending_outcomes) else with_fields(status, pending_outcomes=kept)


def with_stable_size(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """Sets R0 of a rollout that was started, or rebuilt, while the endpoints could not be read or stable was down.

    Stable may have its first ready replica of many now: it is to have what spec asks for, where its InferenceService
    asks for as many.
    """
    rollout, ready, arm = status.rollout, context.ready(status.stable), context.arm(status.stable)
    if rollout is None or rollout.stable_replicas or not ready or arm is None or status.stable_down_since:
        return status
    fewest = min(replica_bounds(context.spec.predictor)[0], arm.size or 0)
    transformers = context.transformers(status.stable)
    return with_rollout(status, stable_replicas=max(ready, fewest), stable_transformers=transformers)


def without_future_times(part: Of, now: datetime) -> Of:
    """Replaces times in the future by now: a replica whose clock is ahead wrote them, and a wait would last longer."""
    changes = {}
    for name in type(part).model_fields.keys() - NO_CLOCKS:
        old = getattr(part, name)
        new = _in_the_past(old, now)
        if new is not old:
            changes[name] = new
    return part.model_copy(update=changes) if changes else part


def _in_the_past(value: object, now: datetime) -> object:
    """The value of a field; the same object if no time in it is in the future."""
    if isinstance(value, datetime):
        return now if value > now + CLOCK_TOLERANCE else value
    if isinstance(value, ApiModel):
        return without_future_times(value, now)
    if isinstance(value, list):
        entries = [_in_the_past(entry, now) for entry in value]
        return entries if any(new is not old for new, old in zip(entries, value, strict=True)) else value
    return value
