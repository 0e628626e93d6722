"""Shadowing: the candidate gets mirrored or preview requests, and no weight."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.gates.gate import Check, only_mirrored
from serin.rollout.phases.interruption import resume_after_interruption
from serin.rollout.phases.next_step import advance_if_open, first_transition
from serin.rollout.phases.rollback_rules import ROLLBACK_RULES, silent_too_long, with_silence_clock
from serin.rollout.phases.stable_outage import take_over
from serin.rollout.steps.stage import with_step_clock
from serin.rollout.transition import Transition

SHADOW_RULES: tuple[Check, ...] = tuple(
    only_mirrored(rule) if rule is silent_too_long else rule for rule in ROLLBACK_RULES
)
"""``silent_too_long`` does not apply to a preview without mirror: testers need not send anything."""


def shadow(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    """Rollback rules, then the gates, then the first step."""
    policy, status = context.policy(status), with_step_clock(context, status)
    if policy is not None and policy.shadow is not None:
        status = with_silence_clock(context, status)
    return (
        first_transition((*SHADOW_RULES, take_over), context, status)
        or resume_after_interruption(context, status)
        or advance_if_open(context, status)
    )
