"""Progressing: the steps up to the last weight."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.phases import PHASE_TRANSITIONS
from serin.rollout.phases.interruption import resume_after_interruption
from serin.rollout.phases.next_step import advance_if_open, first_transition
from serin.rollout.phases.rollback import continue_rollback
from serin.rollout.phases.rollback_rules import ROLLBACK_RULES, with_silence_clock
from serin.rollout.phases.stable_outage import take_over
from serin.rollout.steps.stage import with_step_clock
from serin.rollout.transition import Transition, rollout_of
from serin.schema.reasons import Reason


def progress(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    """Rollback rules, then the gates, then the next step."""
    status = with_silence_clock(context, with_step_clock(context, status))
    return (
        first_transition((*ROLLBACK_RULES, take_over), context, status)
        or resume_after_interruption(context, status)
        or advance_if_open(context, status)
    )


def watch_only(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    """A phase or outcome of a newer version of Serin: only the rollback rules run."""
    if rollout_of(status).taken_back:
        return continue_rollback(context, status)
    status = with_silence_clock(context, status)
    rollback = first_transition(ROLLBACK_RULES, context, status)
    if rollback is not None:
        return rollback
    rollout = rollout_of(status)
    known = status.phase in PHASE_TRANSITIONS
    unknown = f"with outcome {rollout.outcome}" if known else f"in phase {status.phase}"
    message = (
        f"status is {unknown}, which this version of Serin does not know; nothing moves forward; the "
        f"breach watch goes on; go back to the newer version, or end the rollout by a PromotionAction Abort"
    )
    return Transition(status, Reason.UNKNOWN_STATE, message, context.next_evaluation_at(), stalled=True)
