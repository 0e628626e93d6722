"""The result of one rule, and functions that make the next status from the present one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from serin.api.status import ModelDeploymentStatus, RevisionRef, RolloutStatus, Weights, WriteFailure
from serin.rollout.observation import RouteView
from serin.schema.reasons import Phase, Reason

MOST_DRAINING = 20
"""As many as ``status.draining`` takes; the InferenceService of one that is pushed out is deleted a little earlier."""


@dataclass(frozen=True, slots=True)
class Transition:
    """What a rule decided: the next status, why, and when to look again."""

    status: ModelDeploymentStatus
    reason: Reason
    message: str
    wake_at: datetime | None = None
    stalled: bool = False
    """Nothing will proceed without a person."""
    frozen: bool = False
    """Nothing in the cluster may be touched."""


def with_fields(status: ModelDeploymentStatus, **changes: Any) -> ModelDeploymentStatus:
    """``status`` with fields replaced."""
    return status.model_copy(update=changes)


def with_rollout(status: ModelDeploymentStatus, **changes: Any) -> ModelDeploymentStatus:
    """``status`` with fields of its rollout replaced."""
    return with_fields(status, rollout=rollout_of(status).model_copy(update=changes))


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
    return with_fields(status, weights=weights_of(status).model_copy(update={"desired": desired}))


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


def with_phase(status: ModelDeploymentStatus, phase: Phase) -> ModelDeploymentStatus:
    """``status`` in another phase."""
    return with_fields(status, phase=phase)
