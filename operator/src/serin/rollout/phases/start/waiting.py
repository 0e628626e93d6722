"""Waiting with a rollout: it has its record, and waits for the gates of the policy before any pod starts."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.gates import first_hold
from serin.rollout.gates.policy.policy_gates import with_opened
from serin.rollout.phases.next_step import first_transition
from serin.rollout.phases.rollback_rules import WAIT_RULES
from serin.rollout.phases.stable_outage import stable_is_down
from serin.rollout.transition import Transition, with_phase, with_rollout
from serin.schema.phase import Phase
from serin.schema.reasons import Reason


def wait_to_start(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    """The end of the rollout, the hold of a gate, or the start of the candidate."""
    transition = first_transition(WAIT_RULES, context, status)
    if transition is None and not stable_is_down(context, status):  # the revision may end the outage
        transition = first_hold(context, status)
    if transition is not None:
        return transition
    version = status.candidate.version if status.candidate else "?"
    begun = with_rollout(
        with_phase(with_opened(context, status), Phase.PREPARING),
        stable_replicas=context.ready(status.stable),
        stable_transformers=context.transformers(status.stable),
        blocked_since=None,
    )
    message = f"version {version} comes up without traffic"
    return Transition(begun, Reason.PREPARING_CANDIDATE, message, context.poll_at())
