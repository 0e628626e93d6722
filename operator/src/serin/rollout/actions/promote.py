"""Promote: all traffic on somebody's word, as soon as the candidate can carry it."""

from __future__ import annotations

from serin.api.status import Held, ModelDeploymentStatus
from serin.rollout.actions.rule import ActionRule, Effect, Request, undecided_rollout_of_action
from serin.rollout.context import DecisionContext
from serin.rollout.transition import with_rollout


def _apply(_: DecisionContext, status: ModelDeploymentStatus, request: Request) -> Effect:
    """All traffic on somebody's word, as soon as the candidate can carry it; a Hold of before is over."""
    asked = request.answer
    rollout = undecided_rollout_of_action(status, asked, "promote")
    if isinstance(rollout, str):
        return rollout
    if status.stable is None:
        return "this is the first deployment: it serves as soon as it is ready"
    word = Held(by=asked.by, at=asked.at, action=asked.name, reason=asked.reason)
    return with_rollout(status, promote=word, held=None)


PROMOTE = ActionRule(_apply, "all traffic goes to the candidate as soon as it can carry it; the breach watch goes on")
