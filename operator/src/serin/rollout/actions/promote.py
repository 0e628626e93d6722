"""Promote: all traffic to the candidate at a person's request, without the evidence."""

from __future__ import annotations

from serin.api.people import Held
from serin.api.status import ModelDeploymentStatus
from serin.rollout.actions.rule import ActionRule, Effect, Request, rollout_of_action, undecided_rollout_of_action
from serin.rollout.context import DecisionContext
from serin.rollout.transition import with_rollout


def _apply(context: DecisionContext, status: ModelDeploymentStatus, request: Request) -> Effect:
    """Notes the request; ``next_step`` gives all traffic as soon as the candidate is large enough. Ends a Hold."""
    answer = request.answer
    rollout = rollout_of_action(status, answer)
    # Where stable is dead, a person may rather have the version that is being taken back than none.
    in_an_outage = not isinstance(rollout, str) and rollout.taken_back and context.is_down(status.stable)
    if not in_an_outage or not context.ready(status.candidate):
        rollout = undecided_rollout_of_action(status, answer, "promote")
    if isinstance(rollout, str):
        return rollout
    if status.stable is None:
        return "this is the first deployment: it serves as soon as it is ready"
    requested = Held(by=answer.by, at=answer.at, action=answer.name, reason=answer.reason)
    return with_rollout(status, promote=requested, held=None)


PROMOTE = ActionRule(_apply, "all traffic goes to the candidate as soon as it can carry it; the breach watch goes on")
