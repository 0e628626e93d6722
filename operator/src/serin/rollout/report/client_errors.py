"""What is told of answers with a 4xx, whatever the policy judges: a condition, and a note in the message."""

from __future__ import annotations

from serin.api.conditions import Condition, ConditionType, condition
from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.gates.evidence.requests_refused import judges_client_errors
from serin.rollout.transition import Transition
from serin.schema.reasons import Reason

UNSEEN = -1
"""``observedGeneration`` of a condition before any generation was carried out."""


def client_errors_condition(context: DecisionContext, status: ModelDeploymentStatus) -> list[Condition]:
    """Whether the arms' shares of 4xx are alike. After a rollout the answer stays if it is no, until the next one."""
    found, rollout = context.observed.refusals, status.rollout
    if found is None or rollout is None:
        return _kept(status)
    version = status.candidate.version if status.candidate else "?"
    reason, words = "Alike", f"version {version} has no share of 4xx that is far from stable's"
    if found.differ:
        reason, words = Reason.CLIENT_ERRORS_DIFFER.value, f"version {version} {found.words}"
    kind = ConditionType.CLIENT_ERRORS
    holds = not found.differ
    return [condition(kind, holds=holds, reason=reason, message=words, now=context.now, generation=UNSEEN)]


def _kept(status: ModelDeploymentStatus) -> list[Condition]:
    old = client_errors_of(status)
    if old is None:
        return []
    begun = status.rollout.started_at if status.rollout is not None else None
    kept = old.status == "False" if begun is None else old.last_transition_time >= begun.replace(microsecond=0)
    return [old] if kept else []


def client_errors_of(status: ModelDeploymentStatus) -> Condition | None:
    """The condition in a status."""
    return next((c for c in status.conditions if c.type == ConditionType.CLIENT_ERRORS.value), None)


def client_errors_note(context: DecisionContext, transition: Transition) -> str:
    """That the shares differ, where no SLO of the policy and no hold says so."""
    status = transition.status
    found, policy = context.observed.refusals, context.policy(status)
    if found is None or not found.differ or status.rollout is None or status.candidate is None or policy is None:
        return ""
    if judges_client_errors(policy) or transition.reason is Reason.CLIENT_ERRORS_DIFFER:
        return ""
    version = status.candidate.version
    return f"; version {version} {found.words}; no SLO of the policy judges that (indicator clientErrors)"
