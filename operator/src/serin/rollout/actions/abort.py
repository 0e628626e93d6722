"""Abort: the candidate is rolled back."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.actions.rule import ActionRule, Effect, Request, rollout_of_action
from serin.rollout.context import DecisionContext
from serin.rollout.phases.rollback import start_rollback
from serin.schema.reasons import Outcome, Reason


def _apply(context: DecisionContext, status: ModelDeploymentStatus, request: Request) -> Effect:
    answer = request.answer
    rollout = rollout_of_action(status, answer)
    if isinstance(rollout, str):
        return rollout
    if rollout.outcome is Outcome.SUPERSEDED:
        return "the rollout is superseded: its candidate is going back already, and its revision is not refused"
    if rollout.outcome is Outcome.PROMOTED:
        return "the rollout is promoted already; put the earlier revision into spec to go back"
    if rollout.outcome is not None and rollout.cause is not None and not rollout.cause.effect.rejects:
        return (
            f"the candidate is going back already ({rollout.cause.value}), and not for a fault of its revision, which "
            f"is tried again by itself; to keep it out change spec, or set spec.paused"
        )
    if rollout.outcome is not None:
        return status  # the rollback is already under way
    if status.stable is None:
        return "this is the first deployment: there is nothing to go back to; change spec instead"
    version = status.candidate.version if status.candidate else "?"
    message = f"aborted by {answer.by}{f': {answer.reason}' if answer.reason else ''}; version {version} is taken back"
    return start_rollback(context, status, Reason.ABORTED_BY_ACTION, message)


ABORT = ActionRule(_apply, "the candidate is taken back")
