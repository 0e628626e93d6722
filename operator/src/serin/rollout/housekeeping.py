"""What is put right in a status before anything is decided: what is over is forgotten, what is impossible corrected."""

from __future__ import annotations

from datetime import datetime, timedelta

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.observation import Part
from serin.rollout.transition import (
    weight_on,
    with_fields,
    with_rollout,
)

CLOCK_TOLERANCE = timedelta(seconds=5)
"""Two replicas' clocks may differ by so much without anything to put right."""
BEGINNINGS = ("decided_at", "blocked_since", "unknown_since", "step_started_at", "routed_at")


def without_drained(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """Arms whose time is over and whose InferenceService is gone are no longer listed."""
    kept = [
        ref
        for ref in status.draining
        if (ref.until is not None and ref.until > context.now) or ref.revision in context.observed.arms
    ]
    return status if kept == list(status.draining) else with_fields(status, draining=kept)


def without_stale_retry(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """A Retry is for the revision that spec asked for then; if spec has moved on, it is over."""
    wanted, retry = context.observed.wanted, status.retry
    stale = retry is not None and wanted is not None and wanted.revision != retry.revision
    return with_fields(status, retry=None) if stale else status


def with_exposure_time(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """A rollout that an earlier Serin began does not say that its candidate got requests; its weight does."""
    rollout, route = status.rollout, context.observed.route
    if rollout is None or rollout.exposed_at is not None or status.stable is None:
        return status
    weights = (status.weights.applied, status.weights.desired) if status.weights else ()
    given = max(*weights, weight_on(route, status.candidate), 0)
    return with_rollout(status, exposed_at=rollout.started_at) if given else status


def without_written_outcomes(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """An outcome that its record tells, or whose record is gone, is kept no longer."""
    if Part.RECORDS in context.observed.unknown or status.rollout is not None:  # then only its own record is read
        return status
    unwritten = {record.name for record in context.observed.records if not record.finished}
    kept = [ended for ended in status.pending_outcomes if ended.record in unwritten]
    return status if kept == list(status.pending_outcomes) else with_fields(status, pending_outcomes=kept)


def with_stable_size(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """R0 of a rollout that began, or was rebuilt, when the endpoints could not be read."""
    rollout, ready = status.rollout, context.ready(status.stable)
    if rollout is None or rollout.stable_replicas or not ready or status.stable_down_since:
        return status
    return with_rollout(status, stable_replicas=ready)


def without_future_times(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """Beginnings that lie in the future were written by a replica whose clock is ahead; nothing waits for them."""

    def past(at: datetime | None) -> datetime | None:
        return context.now if at is not None and at > context.now + CLOCK_TOLERANCE else at

    if past(status.stable_down_since) != status.stable_down_since:
        status = with_fields(status, stable_down_since=context.now)
    rollout = status.rollout
    if rollout is None:
        return status
    wrong = {name: context.now for name in BEGINNINGS if past(getattr(rollout, name)) != getattr(rollout, name)}
    interruption = rollout.interruption
    if interruption is not None and past(interruption.at) != interruption.at:
        wrong_interruption = interruption.model_copy(update={"at": context.now, "ready_at": None})
        status = with_rollout(status, interruption=wrong_interruption)
    return with_rollout(status, **wrong) if wrong else status
