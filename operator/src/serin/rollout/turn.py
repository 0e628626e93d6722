"""What does every rule of the state machine get, and what does it answer?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.promotion_policy import Exposure, PromotionPolicySpec
from serin.api.status import ModelDeploymentStatus, RevisionRef, RolloutStatus, Weights, WriteFailure
from serin.rollout.observation import Arm, Observation, Part, RecordView, RouteView
from serin.schema.reasons import Phase, Reason

MOST_DRAINING = 20
"""As many as ``status.draining`` takes; the InferenceService of one that is pushed out is deleted a little earlier."""
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
        """Ready endpoints of ``ref`` that are known of."""
        arm = self.arm(ref)
        return arm.ready if arm else 0

    @property
    def endpoints_known(self) -> bool:
        """Whether it can be said how many endpoints an arm has."""
        return Part.ENDPOINTS not in self.seen.unknown

    def dead(self, ref: RevisionRef | None) -> bool:
        """Whether ``ref`` is known to have no ready endpoint; what cannot be read is not dead."""
        if ref is None or not self.endpoints_known or self.ready(ref):
            return False
        return ref.revision in self.seen.arms or Part.INFERENCE_SERVICES not in self.seen.unknown

    def record(self, status: ModelDeploymentStatus) -> RecordView | None:
        """The record of the rollout under way."""
        return self.seen.record(status.rollout.record) if status.rollout else None

    def policy(self, status: ModelDeploymentStatus) -> PromotionPolicySpec | None:
        """The policy that the rollout began with, from its record or from this process's memory.

        When both are gone the live policy judges the watch; nothing moves forward on it, for the record is missing.
        """
        record = self.record(status)
        if record is not None and record.policy is not None:
            return record.policy
        if self.seen.snapshot is not None and status.rollout is not None:
            return self.seen.snapshot
        return self.seen.policy if isinstance(self.seen.policy, PromotionPolicySpec) else None

    def record_open(self, status: ModelDeploymentStatus) -> bool:
        """Whether the record of the rollout under way may still want its outcome; one that is gone does not."""
        record = self.record(status)
        return not record.finished if record is not None else Part.RECORDS in self.seen.unknown

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


def with_draining(status: ModelDeploymentStatus, *refs: RevisionRef | None) -> list[RevisionRef]:
    """The arms that finish their requests, with ``refs``; the newest that a status holds."""
    added = [ref for ref in refs if ref is not None]
    gone = {ref.revision for ref in added}
    return [*(ref for ref in status.draining if ref.revision not in gone), *added][-MOST_DRAINING:]


def failed_write(status: ModelDeploymentStatus, *acts: str) -> WriteFailure | None:
    """The first of ``acts`` that could not be written."""
    return next((failure for failure in status.write_failures if failure.act in acts), None)


def whole_second(at: datetime) -> datetime:
    """``at`` without what is finer than a second, for people."""
    return at.replace(microsecond=0)


def weight_on(route: RouteView | None, candidate: RevisionRef | None) -> int:
    """Percent that the route gives to ``candidate``; what another revision still gets is not its."""
    if route is None or candidate is None or route.candidate != candidate.revision:
        return 0
    return route.weight


def exposure(turn: Turn, status: ModelDeploymentStatus) -> frozenset[Exposure]:
    """How the candidate is to be reached besides its weight. Without the snapshot a mirror stays as it is."""
    if status.phase is not Phase.SHADOWING:
        return frozenset()
    record, route = turn.record(status), turn.seen.route
    if record is not None and record.policy is not None:
        return record.policy.exposure
    return route.meant_to_expose & {Exposure.MIRROR} if route is not None else frozenset()


def enter(status: ModelDeploymentStatus, phase: Phase) -> ModelDeploymentStatus:
    """``status`` in another phase."""
    return changed(status, phase=phase)
