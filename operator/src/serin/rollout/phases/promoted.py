"""The end of a promotion: the candidate becomes stable when its record is finished."""

from __future__ import annotations

from datetime import timedelta

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.phases.interruption import resume_after_interruption
from serin.rollout.phases.next_step import first_transition
from serin.rollout.phases.rollback import wait_for_record, with_pending_outcome
from serin.rollout.phases.rollback_rules import ENDING_RULES
from serin.rollout.transition import (
    Transition,
    rollout_of,
    with_draining,
    with_fields,
    with_rollout,
)
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason

RETURN_PERIOD = timedelta(days=7)
"""How long a return to the previous stable revision needs no steps."""


def decide_promotion(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    """Decides the promotion. The rollout stays in status until its record is finished."""
    rollout, version = rollout_of(status), status.candidate.version if status.candidate else "?"
    # A rollout that was rebuilt may have a cause already: that nobody knows why its candidate has everything.
    usual = Reason.PROMOTED_BY_ACTION if _by_word(context, status) else rollout.cause or Reason.SERVING
    cause = Reason.STABLE_DOWN if rollout.stable_down else usual
    decided = with_rollout(
        status,
        outcome=Outcome.PROMOTED,
        cause=cause,
        cause_message=f"version {version} was promoted{_why(status)}",
        decided_at=context.now,
        blocked_since=None,
    )
    return finish_promotion(context, decided)


def _by_word(context: DecisionContext, status: ModelDeploymentStatus) -> bool:
    """Whether somebody's word stands for the whole evidence: a Promote, or an Advance after which nothing is judged."""
    rollout, policy = rollout_of(status), context.policy(status)
    return rollout.promote is not None or (rollout.advanced and (policy is None or policy.bake is None))


def _why(status: ModelDeploymentStatus) -> str:
    rollout = rollout_of(status)
    if rollout.stable_down:
        return ": stable had no ready endpoint"
    if rollout.promote is not None:
        return f" by {rollout.promote.by}, without the evidence"
    steps = ", ".join(f"step {a.step or 'of the shadow'} by {a.by}" for a in rollout.advances)
    if steps:
        return f"; ended without the evidence: {steps}"
    lost = rollout.cause is Reason.STATE_REBUILT
    return "; the status was lost, and with it why this version had been given all traffic" if lost else ""


def finish_promotion(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    """Makes the candidate stable when its record is finished; until then it can be rolled back."""
    version = status.candidate.version if status.candidate else "?"
    if context.record_open(status) and status.stable is not None:
        # The promotion is decided, so no gate holds the weight after an interruption.
        transition = first_transition(ENDING_RULES, context, status) or resume_after_interruption(context, status, ())
        if transition is not None:
            return transition
    message = f"version {version} serves all traffic"
    reason = Reason.PROMOTING if status.stable is not None else Reason.FIRST_DEPLOYMENT
    return wait_for_record(context, status, reason, message) or _make_stable(context, status)


def _make_stable(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    """The candidate becomes stable; the old stable drains."""
    old, new = status.stable, status.candidate
    until = context.now + context.spec.drain
    return_until = context.now.replace(microsecond=0) + RETURN_PERIOD
    after = with_fields(
        status,
        phase=Phase.STABLE,
        stable=new.model_copy(update={"since": context.now}) if new else None,
        candidate=None,
        previous=old.model_copy(update={"until": return_until}) if old else None,
        rollout=None,
        pending_outcomes=with_pending_outcome(context, status),
        weights=None,
        stable_down_since=None,
        stable_down_why=None,
        draining=with_draining(status, old and old.model_copy(update={"until": until})),
    )
    return Transition(after, Reason.SERVING, f"version {new.version if new else '?'} serves all traffic", context.now)
