"""What a status keeps only for a while: drained arms, a Retry, and when the candidate was first exposed."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.transition import (
    weight_on,
    with_fields,
    with_rollout,
)


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
