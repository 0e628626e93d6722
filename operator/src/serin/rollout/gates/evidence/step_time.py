"""Gate: holds until the step or shadow has lasted long enough."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.evidence_decision import StageEvidence
from serin.rollout.steps.stage import describe_step, stage_evidence
from serin.rollout.transition import Transition
from serin.schema.reasons import Reason
from serin.schema.types import format_duration


def step_time(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds while the accepted windows are shorter than the step or shadow."""
    evidence = stage_evidence(context, status)
    if evidence.analysis is None or evidence.begun_at is None:
        message = f"{describe_step(status)}: the step has not begun"
        return Transition(status, Reason.WAITING_FOR_ROUTE, message, context.poll_at())
    return short_of_time(status, evidence)


def short_of_time(status: ModelDeploymentStatus, evidence: StageEvidence) -> Transition | None:
    """The hold of a stage that is too short, with judged and required time; None if it is long enough."""
    hold, limits, have = evidence.too_short, evidence.limits, evidence.assessment.step_time
    if hold is None or limits is None:
        return None
    judged = f"{format_duration(have)} of {format_duration(limits.for_)} judged"
    message = f"{describe_step(status)}: every SLO passes; {judged}"
    return Transition(status, hold.reason, message, stalled=hold.late)
