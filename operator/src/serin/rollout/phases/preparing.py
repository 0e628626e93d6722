"""Preparing: the candidate starts without traffic."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.gates import first_hold
from serin.rollout.gates.gate import hold_limit
from serin.rollout.gates.policy.policy_gates import with_opened
from serin.rollout.phases.next_step import first_transition, next_step
from serin.rollout.phases.rollback import start_rollback
from serin.rollout.phases.rollback_rules import PREPARE_RULES
from serin.rollout.phases.stable_outage import take_over
from serin.rollout.steps.stage import describe_shadow
from serin.rollout.transition import Transition, failed_write, rollout_of, with_phase, with_rollout
from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from serin.schema.types import format_duration


def prepare(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    """Rollback rules, then the gates, then the shadow or the first step; a long hold ends the rollout."""
    transition = first_transition((*PREPARE_RULES, take_over), context, status)
    if transition is not None:
        return transition
    hold = first_hold(context, status)
    if hold is None:
        return _begin(context, status)
    return _timed_out(context, hold) or hold


def _timed_out(context: DecisionContext, hold: Transition) -> Transition | None:
    """The rollback of a candidate that the cluster has held for longer than ``prepareTimeout``; None before that.

    The revision is rejected only if no cause outside it is known.
    """
    status, limit = hold.status, hold_limit(context, hold.status)
    rollout, recorded = rollout_of(status), context.record(status) is not None
    # An attempt without a record is none that the next one could wait longer after: it stays, and asks for somebody.
    if not recorded and failed_write(status, "PromotionRecord") is not None:
        return None
    arm = context.arm(status.candidate)
    # Not told yet, as it is usual for some seconds; that is no reason to blame the revision.
    outside = arm.failure if arm is not None and arm.failure is not None and not arm.failure.own else None
    preparing = hold.reason is Reason.PREPARING_CANDIDATE
    own = recorded and preparing and outside is None
    since = rollout.blocked_since
    if since is None or context.now - since < limit or status.stable_down_since or status.stable is None:
        return None
    # The time of an earlier hold for another cause does not count against the revision.
    alone_since = rollout.since if rollout.reason is Reason.PREPARING_CANDIDATE else context.now
    if own and context.now - max(since, alone_since) < limit:
        return None
    # A failure outside the candidate has another reason (see ``candidate_not_up``).
    if own:
        trouble = hold.message.partition("; ")[2]
        message = f"the candidate is not ready after {format_duration(limit)}{f'; {trouble}' if trouble else ''}"
        return start_rollback(context, status, Reason.PREPARE_TIMEOUT, message)
    reason, why = (
        (outside.reason, outside.message) if preparing and outside is not None else (hold.reason, hold.message)
    )
    message = f"no rollout after {format_duration(limit)}, and not for its own fault: {why}"
    return start_rollback(context, status, reason, message)


def _begin(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    policy = context.policy(status)
    if policy is None or not policy.exposure or rollout_of(status).at_once:
        return next_step(context, status)
    after = with_rollout(
        with_phase(with_opened(context, status), Phase.SHADOWING),
        exposed_at=context.now,
        step_started_at=None,
        blocked_since=None,
    )
    reason = Reason.SHADOWING if policy.shadow else Reason.PREVIEWING
    return Transition(after, reason, describe_shadow(context, after), context.poll_at())
