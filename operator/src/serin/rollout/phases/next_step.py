"""The next step of a rollout, if no gate holds."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.gates import first_hold
from serin.rollout.gates.gate import Check
from serin.rollout.gates.policy.policy_gates import with_opened
from serin.rollout.steps.schedule import EVERYTHING, Schedule
from serin.rollout.steps.stage import describe_step
from serin.rollout.transition import Transition, rollout_of, with_phase, with_rollout, with_weight
from serin.schema.phase import Phase
from serin.schema.reasons import Reason


def first_transition(
    rules: tuple[Check, ...], context: DecisionContext, status: ModelDeploymentStatus
) -> Transition | None:
    """The transition of the first rule that applies; None if none does."""
    return next((transition for rule in rules if (transition := rule(context, status)) is not None), None)


def advance_if_open(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    """The next step, or the hold of the first gate that holds."""
    return first_hold(context, status) or next_step(context, status)


def next_step(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    """The next weight; after the last step, or with a Promote, the last weight in Promoting."""
    status = with_opened(context, status)
    rollout, policy = rollout_of(status), context.policy(status)
    exposed_at = rollout.exposed_at or context.now
    version = status.candidate and status.candidate.version
    schedule = Schedule(policy) if policy is not None else None
    if schedule is None or rollout.at_once or schedule.passed(rollout.step):
        weight = EVERYTHING if schedule is None or rollout.at_once else schedule.policy.last_weight
        after = with_weight(with_phase(status, Phase.PROMOTING), weight)
        after = with_rollout(after, exposed_at=exposed_at, step_started_at=None, blocked_since=None)
        message = f"{_why_promoted(status)}; {weight} % of the requests go to version {version}"
        return Transition(after, Reason.PROMOTING, message, context.poll_at())
    weight = schedule.weight_after(rollout.step)
    after = with_rollout(
        with_weight(with_phase(status, Phase.PROGRESSING), weight),
        step=rollout.step + 1,
        steps=schedule.count,
        exposed_at=exposed_at,
        step_started_at=None,
        blocked_since=None,
    )
    message = f"{describe_step(after)}: {weight} % of the requests go to version {version}"
    return Transition(after, Reason.COLLECTING_EVIDENCE, message, context.poll_at())


def _why_promoted(status: ModelDeploymentStatus) -> str:
    rollout = rollout_of(status)
    if rollout.promote is not None:
        why = f": {rollout.promote.reason}" if rollout.promote.reason else ""
        return f"promoted by {rollout.promote.by}{why}"
    return "it was stable before" if rollout.returning else "all steps passed"
