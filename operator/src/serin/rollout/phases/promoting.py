"""Promoting and Baking: the last weight, the bake with the old revision as control, then all traffic."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.gates import FINAL_GATES, LAST_WEIGHT_GATES, first_hold
from serin.rollout.gates.cluster.policy_lost import policy_lost
from serin.rollout.gates.policy.policy_gates import with_opened
from serin.rollout.phases.interruption import resume_after_interruption
from serin.rollout.phases.next_step import first_transition
from serin.rollout.phases.promoted import decide_promotion
from serin.rollout.phases.rollback_rules import ROLLBACK_RULES, with_silence_clock
from serin.rollout.phases.stable_outage import take_over
from serin.rollout.steps.schedule import EVERYTHING
from serin.rollout.steps.stage import describe_step, with_step_clock
from serin.rollout.transition import (
    Transition,
    rollout_of,
    weights_of,
    with_phase,
    with_rollout,
    with_weight,
)
from serin.schema.phase import Phase
from serin.schema.reasons import Reason


def promote(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    """Promoting: rollback rules, then the bake or the promotion once the gateway has accepted the weight."""
    status = with_silence_clock(context, status)
    transition = (
        first_transition((*ROLLBACK_RULES, take_over), context, status)
        or resume_after_interruption(context, status)
        or first_hold(context, status, LAST_WEIGHT_GATES)
    )
    if transition is not None:
        return transition
    if _without_bake(context, status):
        return first_hold(context, status, FINAL_GATES) or _end_bake(context, status)
    lost = policy_lost(context, status)
    if lost is not None:
        return lost
    baking = with_rollout(with_phase(status, Phase.BAKING), step_started_at=context.now, blocked_since=None)
    message = f"{describe_step(baking)}: the old revision stays as control"
    return Transition(baking, Reason.BAKING, message)


def _without_bake(context: DecisionContext, status: ModelDeploymentStatus) -> bool:
    """Whether no bake is left: the policy has none, or it is over and the holdback is removed.

    A Promote ends the bake, too, but the candidate has to be large enough before the holdback is removed.
    """
    policy, desired = context.policy(status), weights_of(status).desired
    if policy is None or rollout_of(status).at_once:
        return desired == EVERYTHING
    return policy.bake is None or desired > policy.last_weight


def bake(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    """Baking: rollback rules, then the gates, then the end of the bake."""
    status = with_silence_clock(context, with_step_clock(context, status))
    transition = first_transition((*ROLLBACK_RULES, take_over), context, status) or resume_after_interruption(
        context, status
    )
    if transition is not None:
        return transition
    if _without_bake(context, status):
        return first_hold(context, status, FINAL_GATES) or _end_bake(context, status)
    return first_hold(context, status) or _end_bake(context, status)


def _end_bake(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    """Removes the holdback; decides the promotion if there is none."""
    if weights_of(status).desired == EVERYTHING:
        return decide_promotion(context, status)
    message = "the bake is over; the candidate takes all traffic"
    return Transition(
        with_weight(with_opened(context, status), EVERYTHING), Reason.PROMOTING, message, context.poll_at()
    )
