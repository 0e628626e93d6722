"""What kept a rollout from moving forward, as entries of its record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from serin.api.promotion_record import MOST_ENTRIES, HoldEntry, PromotionRecordStatus
from serin.api.status import RolloutStatus
from serin.rollout.report.state import PROGRESS
from serin.schema.reasons import Reason

SAME = timedelta(minutes=1)
"""A hold that comes back within this time for the same reason is the same one."""
LOOKED_BACK = 8
LONGEST_MESSAGE = 512


@dataclass(frozen=True, slots=True)
class Noted:
    """A record's status with the hold of now."""

    status: PromotionRecordStatus
    begins: bool
    """Whether a hold begins that the record does not have yet. What else changes can wait for the next write."""


def is_hold(rollout: RolloutStatus) -> bool:
    """Whether something keeps the rollout from moving forward."""
    return rollout.outcome is None and rollout.reason not in PROGRESS


def with_hold(status: PromotionRecordStatus, rollout: RolloutStatus | None, now: datetime) -> Noted:
    """Notes the hold of a rollout, and that earlier ones ended. ``rollout`` is None when it is over."""
    holding = rollout is not None and is_hold(rollout)
    since = rollout.since if rollout is not None else now
    reason = rollout.reason if rollout is not None and holding else None
    holds = [_ended(hold, since) if hold.until is None and hold.reason != reason else hold for hold in status.holds]
    begins = False
    if rollout is not None and reason is not None:
        index = _again(holds, reason, since)
        if index is None:
            message = rollout.message[:LONGEST_MESSAGE]
            holds, begins = [*holds, HoldEntry(reason=reason, message=message, since=since)][-MOST_ENTRIES:], True
        elif holds[index].until is not None:
            holds[index] = holds[index].model_copy(update={"until": None, "times": holds[index].times + 1})
    return Noted(status if holds == status.holds else status.model_copy(update={"holds": holds}), begins)


def _ended(hold: HoldEntry, at: datetime) -> HoldEntry:
    return hold.model_copy(update={"until": max(at, hold.since)})


def _again(holds: list[HoldEntry], reason: Reason, since: datetime) -> int | None:
    """The place of the hold that goes on; None if a new one begins."""
    for index in range(len(holds) - 1, max(-1, len(holds) - 1 - LOOKED_BACK), -1):
        hold = holds[index]
        if hold.reason == reason and (hold.until is None or since - hold.until < SAME):
            return index
    return None
