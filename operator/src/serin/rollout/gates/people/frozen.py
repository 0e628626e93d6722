"""Gate: holds while a PromotionFreeze is in force."""

from __future__ import annotations

from datetime import UTC, datetime

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.transition import Transition, rollout_of
from serin.rollout.views import FreezeView
from serin.schema.reasons import Reason
from serin.schema.types import format_time


def frozen(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds while a freeze is in force; not a way back to the revision that was stable before."""
    freeze = freeze_in_force(context)
    if freeze is None or rollout_of(status).returning:
        return None
    return Transition(status, Reason.FROZEN, freeze_message(freeze), context.next_evaluation_at())


def freeze_in_force(context: DecisionContext) -> FreezeView | None:
    """The freeze in force that ends last; None without one."""
    found = [freeze for freeze in context.observed.freezes if freeze.in_force(context.now)]
    return max(found, key=lambda freeze: freeze.ends or datetime.max.replace(tzinfo=UTC), default=None)


def freeze_message(freeze: FreezeView) -> str:
    """Which freeze, why, and what ends it."""
    end = f"until {format_time(freeze.ends)}" if freeze.ends is not None else "until somebody deletes it"
    return f"PromotionFreeze {freeze.name} is in force {end}: {freeze.reason}"
