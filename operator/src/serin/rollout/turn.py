"""What does every rule of the state machine get, and what does it answer?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.promotion_policy import Exposure, PromotionPolicySpec, Shadow, Step
from serin.api.reasons import Phase, Reason
from serin.api.status import ModelDeploymentStatus, RevisionRef, RolloutStatus, Weights
from serin.rollout.observation import Arm, Observation, RecordView

LOOK_AGAIN = timedelta(seconds=2)
"""How often something that comes up is looked at, besides the events it sends."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The inputs of one decision."""

    name: str
    spec: ModelDeploymentSpec
    seen: Observation
    now: datetime

    def arm(self, ref: RevisionRef | None) -> Arm | None:
        """The arm that serves ``ref``, if its InferenceService exists and stays."""
        arm = self.seen.arms.get(ref.revision) if ref else None
        return None if arm is None or arm.deleting else arm

    def ready(self, ref: RevisionRef | None) -> int:
        """Ready endpoints of ``ref``."""
        arm = self.arm(ref)
        return arm.ready if arm else 0

    def record(self, status: ModelDeploymentStatus) -> RecordView | None:
        """The record of the rollout under way."""
        return self.seen.record(status.rollout.record) if status.rollout else None

    def policy(self, status: ModelDeploymentStatus) -> PromotionPolicySpec | None:
        """The rollout's snapshot; the live policy only if the record is lost."""
        record = self.record(status)
        if record is not None and record.policy is not None:
            return record.policy
        return self.seen.policy if isinstance(self.seen.policy, PromotionPolicySpec) else None

    def next_look(self) -> datetime:
        """When there can be new evidence; while there is none to be had, at the pace of things that come up."""
        due = self.seen.next_evidence_at
        return due if due is not None and due > self.now else self.soon()

    def soon(self) -> datetime:
        """When to look again at something that comes up."""
        return self.now + LOOK_AGAIN


@dataclass(frozen=True, slots=True)
class Move:
    """What a rule decided: the next status, why, and when to look again."""

    status: ModelDeploymentStatus
    reason: Reason
    message: str
    wake_at: datetime | None = None
    stalled: bool = False
    """Nothing will proceed without a person."""
    frozen: bool = False
    """Nothing in the cluster may be touched."""


def changed(status: ModelDeploymentStatus, **changes: Any) -> ModelDeploymentStatus:
    """``status`` with fields replaced."""
    return status.model_copy(update=changes)


def with_rollout(status: ModelDeploymentStatus, **changes: Any) -> ModelDeploymentStatus:
    """``status`` with fields of its rollout replaced."""
    return changed(status, rollout=rollout_of(status).model_copy(update=changes))


def rollout_of(status: ModelDeploymentStatus) -> RolloutStatus:
    """The rollout under way; a programming error if there is none."""
    if status.rollout is None:
        message = f"phase {status.phase} without a rollout"
        raise AssertionError(message)
    return status.rollout


def weights_of(status: ModelDeploymentStatus) -> Weights:
    """Weights, all zero if none were set."""
    return status.weights or Weights()


def with_weight(status: ModelDeploymentStatus, desired: int) -> ModelDeploymentStatus:
    """``status`` with another desired weight."""
    return changed(status, weights=weights_of(status).model_copy(update={"desired": desired}))


def exposure(turn: Turn, status: ModelDeploymentStatus) -> frozenset[Exposure]:
    """How the candidate is to be reached besides its weight. Without the snapshot a mirror stays as it is."""
    if status.phase is not Phase.SHADOWING:
        return frozenset()
    record, route = turn.record(status), turn.seen.route
    if record is not None and record.policy is not None:
        return record.policy.exposure
    return route.meant_to_expose & {Exposure.MIRROR} if route is not None else frozenset()


def stage_of(policy: PromotionPolicySpec, status: ModelDeploymentStatus) -> Step | Shadow | None:
    """What the policy asks of Shadowing (None: only a preview) or of the step (the last one if it has fewer)."""
    if status.phase is Phase.SHADOWING:
        return policy.shadow
    return policy.steps[min(rollout_of(status).step, len(policy.steps)) - 1]


def needed(weight: int, stable_replicas: int) -> int:
    """Ready replicas that an arm needs for ``weight`` percent, when stable needed ``stable_replicas`` for all."""
    return max(1, math.ceil(weight * stable_replicas / 100))


def enter(status: ModelDeploymentStatus, phase: Phase) -> ModelDeploymentStatus:
    """``status`` in another phase."""
    return changed(status, phase=phase)
