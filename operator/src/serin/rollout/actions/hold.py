"""Hold: the rollout does not move forward until a Release."""

from __future__ import annotations

from serin.api.people import Held
from serin.api.status import ModelDeploymentStatus
from serin.rollout.actions.rule import ActionRule, Effect, Request, undecided_rollout_of_action
from serin.rollout.context import DecisionContext
from serin.rollout.transition import with_rollout


def _apply(_: DecisionContext, status: ModelDeploymentStatus, request: Request) -> Effect:
    answer = request.answer
    rollout = undecided_rollout_of_action(status, answer, "hold")
    if isinstance(rollout, str):
        return rollout
    if status.stable is None:
        return "this is the first deployment: it has no steps to hold"
    if rollout.held is not None:
        return status
    return with_rollout(status, held=Held(by=answer.by, at=answer.at, action=answer.name, reason=answer.reason))


HOLD = ActionRule(_apply, "nothing moves forward until Release; the breach watch goes on")
