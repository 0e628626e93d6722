"""Reject: the answer to a gate of the policy that ends the rollout."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.actions.gate_answers import gate_of_action
from serin.rollout.actions.rule import ActionRule, Effect, Request
from serin.rollout.context import DecisionContext
from serin.rollout.gates.policy.refused import with_refusal
from serin.rollout.phases.rollback import start_rollback
from serin.schema.reasons import Reason


def _apply(context: DecisionContext, status: ModelDeploymentStatus, request: Request) -> Effect:
    found = gate_of_action(context, status, request, "reject")
    if isinstance(found, str):
        return found
    entry, answer = found[0], request.answer
    why = f": {answer.reason}" if answer.reason else ""
    version = status.candidate.version if status.candidate else "?"
    message = f"rejected at gate {entry.name} by {answer.by}{why}; version {version} is not promoted"
    refused = with_refusal(status, entry, answer.by, f"rejected{why}", answer.at)
    return start_rollback(context, refused, Reason.REJECTED_BY_ACTION, message)


REJECT = ActionRule(_apply, "the rollout ends, and its revision is refused")
