"""The stage of a rollout (shadow, step or bake): its evidence, its clock, its description."""

from __future__ import annotations

from serin.api.policy.exposure import Exposure
from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext, route_in_sync
from serin.rollout.evidence_decision import SilenceClock, StageEvidence
from serin.rollout.steps.schedule import Schedule
from serin.rollout.transition import rollout_of, weights_of, with_rollout
from serin.schema.phase import Phase


def stage_evidence(context: DecisionContext, status: ModelDeploymentStatus) -> StageEvidence:
    """The evidence of the current stage, its limits and clocks."""
    rollout, policy = rollout_of(status), context.policy(status)
    return StageEvidence(
        assessment=context.observed.assessment,
        now=context.now,
        analysis=policy.analysis if policy is not None else None,
        limits=Schedule(policy).limits(status.phase, rollout.step) if policy is not None else None,
        begun_at=rollout.step_started_at,
        silence=SilenceClock(rollout.unknown_since),
    )


def describe_step(status: ModelDeploymentStatus) -> str:
    """The stage in words, for messages."""
    rollout = rollout_of(status)
    if status.phase is Phase.SHADOWING:
        return "shadow"
    if status.phase is Phase.BAKING:
        return f"bake at {weights_of(status).desired} %"
    return f"step {rollout.step} of {rollout.steps} at {weights_of(status).desired} %"


def with_step_clock(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """Starts the stage's clock when the gateway has accepted its weight or mirror.

    It does not start during an interruption, when the accepted weight is 0.
    """
    rollout = rollout_of(status)
    if rollout.step_started_at is None and rollout.interruption is None and route_in_sync(context, status):
        return with_rollout(status, step_started_at=context.now)
    return status


def describe_shadow(context: DecisionContext, status: ModelDeploymentStatus) -> str:
    """How the candidate is reached before its first weight, for messages."""
    policy, version = context.policy(status), status.candidate.version if status.candidate else "?"
    ways = policy.exposure if policy is not None else frozenset()
    if policy is None or policy.preview is None or Exposure.PREVIEW not in ways:
        return f"shadow: every request is mirrored to version {version}"
    header = policy.preview.header
    return f"preview: requests with {header.name}: {header.value} reach version {version}"
