"""The result of one rule, and functions that derive the next status from the current one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from serin.api.status import ModelDeploymentStatus, RevisionRef, RolloutStatus, Weights, WriteFailure
from serin.rollout.observation import RouteView
from serin.schema.phase import Phase
from serin.schema.reasons import Reason

MOST_DRAINING = 20
"""Entries in ``status.draining``; beyond it the oldest arms are deleted early."""


@dataclass(frozen=True, slots=True)
class Transition:
    """The result of a rule: the next status, the reason, and when to decide again."""

    status: ModelDeploymentStatus
    reason: Reason
    message: str
    wake_at: datetime | None = None
    stalled: bool = False
    """A person has to act before anything proceeds."""
    frozen: bool = False
    """No object may be written."""


def with_fields(status: ModelDeploymentStatus, **changes: Any) -> ModelDeploymentStatus:
    """``status`` with fields replaced."""
    return status.model_copy(update=changes)


def with_rollout(status: ModelDeploymentStatus, **changes: Any) -> ModelDeploymentStatus:
    """``status`` with fields of its rollout replaced."""
    return with_fields(status, rollout=rollout_of(status).model_copy(update=changes))


def rollout_of(status: ModelDeploymentStatus) -> RolloutStatus:
    """The rollout under way; ``AssertionError`` without one, which is a bug."""
    if status.rollout is None:
        message = f"phase {status.phase} without a rollout"
        raise AssertionError(message)
    return status.rollout


def weights_of(status: ModelDeploymentStatus) -> Weights:
    """The weights; zeros if none are set."""
    return status.weights or Weights()


def with_weight(status: ModelDeploymentStatus, desired: int) -> ModelDeploymentStatus:
    """``status`` with another desired weight."""
    return with_fields(status, weights=weights_of(status).model_copy(update={"desired": desired}))


def with_draining(status: ModelDeploymentStatus, *refs: RevisionRef | None) -> list[RevisionRef]:
    """The draining arms with ``refs`` added; the newest ``MOST_DRAINING``."""
    added = [ref for ref in refs if ref is not None]
    revisions = {ref.revision for ref in added}
    return [*(ref for ref in status.draining if ref.revision not in revisions), *added][-MOST_DRAINING:]


def failed_write(status: ModelDeploymentStatus, *acts: str) -> WriteFailure | None:
    """The failure of the first of ``acts`` that could not be written; None if all could."""
    return next((failure for failure in status.write_failures if failure.act in acts), None)


def whole_second(at: datetime) -> datetime:
    """``at`` without fractions of a second."""
    return at.replace(microsecond=0)


def weight_on(route: RouteView | None, candidate: RevisionRef | None) -> int:
    """Percent that the route gives to ``candidate``; 0 if its candidate is another revision."""
    if route is None or candidate is None or route.candidate != candidate.revision:
        return 0
    return route.weight


def with_phase(status: ModelDeploymentStatus, phase: Phase) -> ModelDeploymentStatus:
    """``status`` in another phase."""
    return with_fields(status, phase=phase)
