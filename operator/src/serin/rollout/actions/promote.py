"""Promote: all traffic to the candidate at a person's request, without the evidence."""

from __future__ import annotations

from serin.api.people import Held
from serin.api.status import ModelDeploymentStatus
from serin.rollout.actions.rule import ActionRule, Effect, Request, undecided_rollout_of_action
from serin.rollout.context import DecisionContext
from serin.rollout.transition import with_rollout


def _apply(_: DecisionContext, status: ModelDeploymentStatus, request: Request) -> Effect:
    """Notes the request; ``next_step`` gives all traffic as soon as the candidate is large enough. Ends a Hold."""
    answer = request.answer
    rollout = undecided_rollout_of_action(status, answer, "promote")
    if isinstance(rollout, str):
        return rollout
    if status.stable is None:
        return "this is the first deployment: it serves as soon as it is ready"
    requested = Held(by=answer.by, at=answer.at, action=answer.name, reason=answer.reason)
    return with_rollout(status, promote=requested, held=None)


PROMOTE = ActionRule(_apply, "all traffic goes to the candidate as soon as it can carry it; the breach watch goes on")
