"""The stage that a rollout is in (shadow, step or bake): when it began, when it is overdue, how it is called."""

from __future__ import annotations

from datetime import timedelta

from serin.api.promotion_policy import Exposure, PromotionPolicySpec
from serin.api.status import ModelDeploymentStatus
from serin.patience import overdue
from serin.rollout.context import DecisionContext, route_in_sync
from serin.rollout.schedule import Schedule
from serin.rollout.transition import rollout_of, weights_of, with_rollout
from serin.schema.reasons import Phase


def overdue_by(
    context: DecisionContext, status: ModelDeploymentStatus, policy: PromotionPolicySpec | None
) -> timedelta | None:
    """How long ago the timeout of the step, the shadow or the bake was over; None before."""
    if policy is None:
        return None
    stage = Schedule(policy).stage(status.phase, rollout_of(status).step)
    if status.phase is Phase.BAKING and policy.bake is not None:
        limit = policy.bake.for_ + policy.bake.timeout
    elif stage is not None:
        limit = stage.timeout
    else:
        return None
    return overdue(rollout_of(status).step_started_at, limit, context.now)


def describe_step(status: ModelDeploymentStatus) -> str:
    """The step in words."""
    rollout = rollout_of(status)
    if status.phase is Phase.SHADOWING:
        return "shadow"
    if status.phase is Phase.BAKING:
        return f"bake at {weights_of(status).desired} %"
    return f"step {rollout.step} of {rollout.steps} at {weights_of(status).desired} %"


def with_step_clock(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """The step's time starts when the gateway has accepted what the phase is about: its weight, or its mirror.

    A candidate without endpoints has no weight meanwhile, and the gateway's word for that begins nothing.
    """
    rollout = rollout_of(status)
    if rollout.step_started_at is None and rollout.interruption is None and route_in_sync(context, status):
        return with_rollout(status, step_started_at=context.now)
    return status


def describe_shadow(context: DecisionContext, status: ModelDeploymentStatus) -> str:
    """How the candidate is reached before its first weight."""
    policy, version = context.policy(status), status.candidate.version if status.candidate else "?"
    ways = policy.exposure if policy is not None else frozenset()
    if policy is None or policy.preview is None or Exposure.PREVIEW not in ways:
        return f"shadow: every request is mirrored to version {version}"
    header = policy.preview.header
    return f"preview: requests with {header.name}: {header.value} reach version {version}"
