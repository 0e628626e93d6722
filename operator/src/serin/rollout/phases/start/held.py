"""What a person lets no revision start by: ``spec.paused``, or a PromotionFreeze. It holds a first deployment, too."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.gates.people.frozen import freeze_in_force, freeze_message
from serin.rollout.phases.start.starting import is_returning
from serin.rollout.transition import Transition, with_phase
from serin.schema.phase import Phase
from serin.schema.reasons import Reason


def start_paused(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Waits while ``spec.paused`` is true, though the revision may end an outage."""
    if not context.spec.paused:
        return None
    down = context.is_down(status.stable)
    message = "spec.paused is true: no new rollout; set it to false to go on"
    return Transition(_waiting(status), Reason.PAUSED, message, context.poll_at() if down else None, stalled=down)


def start_frozen(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Waits while a PromotionFreeze is in force, unless the revision may end an outage or was stable before."""
    wanted, freeze = context.observed.wanted, freeze_in_force(context)
    if freeze is None or wanted is None or context.is_down(status.stable) or is_returning(context, status, wanted):
        return None
    message = f"{freeze_message(freeze)}; version {wanted.version} waits"
    return Transition(_waiting(status), Reason.FROZEN, message, freeze.ends)


def _waiting(status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    return with_phase(status, Phase.WAITING if status.stable is not None else Phase.PENDING)
