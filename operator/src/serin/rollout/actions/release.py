"""Release: ends a Hold."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.actions.rule import ActionRule, Effect, Request, undecided_rollout_of_action
from serin.rollout.context import DecisionContext
from serin.rollout.transition import with_rollout


def _apply(_: DecisionContext, status: ModelDeploymentStatus, request: Request) -> Effect:
    answer = request.answer
    rollout = undecided_rollout_of_action(status, answer, "release")
    if isinstance(rollout, str):
        return rollout
    if rollout.held is None:
        return f"rollout {rollout.record} is not held by a PromotionAction"
    return with_rollout(status, held=None)


RELEASE = ActionRule(_apply, "the rollout goes on")
