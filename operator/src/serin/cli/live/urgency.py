"""How soon somebody has to look at a ModelDeployment: what a list is sorted by, and what is told as a person's turn."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from serin.cli.live.endings import NEEDS_A_PERSON, reason_of
from serin.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

HURTS = frozenset({Reason.NO_RECEIVER, Reason.STABLE_NOT_READY, Reason.STABLE_DOWN, Reason.COMMON_CAUSE})
"""With one of these clients get errors, where a person is needed."""
BLIND = frozenset({Reason.NO_DATA, Reason.METRICS_UNAVAILABLE, Reason.OBSERVATION_INCOMPLETE})
OWNERS = frozenset({Reason.REVISION_REJECTED, Reason.REJECTED_ELSEWHERE})
"""Serin has acted, and stable serves: the model's owner chooses what comes next, and nobody is woken for it."""


class Urgency(IntEnum):
    """The most urgent is the least."""

    HURT = 0
    """Clients get errors now."""
    BLIND_OR_STUCK = 1
    """Nobody sees how a candidate with traffic does, or it cannot be taken back."""
    PERSON = 2
    """Nothing proceeds without a person."""
    OWNER = 3
    """The model's owner chooses another revision, when it suits."""
    NONE = 4

    @property
    def needs_somebody(self) -> bool:
        """Whether somebody has to act before anything proceeds, or is well again."""
        return self <= Urgency.PERSON


def is_down(status: Mapping[str, Any]) -> bool:
    """Whether stable has traffic and no ready endpoint."""
    weights = status.get("weights")
    applied = weights.get("applied") if isinstance(weights, dict) else 0
    alone = status.get("candidate") is None or applied != 100  # noqa: PLR2004 - percent
    return bool(status.get("stable")) and bool(status.get("stableDownSince")) and alone


def urgency_of(status: Mapping[str, Any], *, stalled: bool) -> Urgency:
    """How soon somebody has to look, by the status of a ModelDeployment."""
    reason, phase, weights = reason_of(status.get("reason")), status.get("phase"), status.get("weights")
    numbers = [weights.get(name) for name in ("desired", "applied")] if isinstance(weights, dict) else []
    exposed = status.get("candidate") is not None and any(numbers)
    if is_down(status) or (stalled and reason in HURTS):
        return Urgency.HURT
    if stalled and exposed and (reason in BLIND or phase == "RollingBack"):
        return Urgency.BLIND_OR_STUCK
    if reason in OWNERS:
        return Urgency.OWNER
    if stalled or reason in NEEDS_A_PERSON:
        return Urgency.PERSON
    return Urgency.OWNER if phase == "RolledBack" else Urgency.NONE
