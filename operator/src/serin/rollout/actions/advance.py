"""Advance: ends the waiting of one step at a person's request, without its evidence and its time."""

from __future__ import annotations

from serin.api.people import AdvancedStep
from serin.api.status import ModelDeploymentStatus
from serin.rollout.actions.rule import ActionRule, Effect, Request, undecided_rollout_of_action
from serin.rollout.context import DecisionContext
from serin.rollout.phases import AFTER_STEPS, STEPPED
from serin.rollout.transition import with_rollout


def _apply(_: DecisionContext, status: ModelDeploymentStatus, request: Request) -> Effect:
    """Notes it for the step under way; the next weight needs everything else, the policy's gates among it."""
    answer = request.answer
    rollout = undecided_rollout_of_action(status, answer, "advance")
    if isinstance(rollout, str):
        return rollout
    if status.phase in AFTER_STEPS:
        return "all steps are over; a PromotionAction Promote ends the bake"
    if status.phase not in STEPPED:
        return "no step has begun yet: there is no waiting to end"
    if rollout.held is not None:
        return f"held by {rollout.held.by}: Release it first"
    if rollout.promote is not None or rollout.advanced:
        return status
    advance = AdvancedStep(by=answer.by, at=answer.at, action=answer.name, reason=answer.reason, step=rollout.step)
    return with_rollout(status, advances=[*rollout.advances, advance])


ADVANCE = ActionRule(_apply, "this step waits for no more evidence and time; the breach watch goes on")
