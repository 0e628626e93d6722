"""An SLO that decides has not passed."""

from __future__ import annotations

from datetime import timedelta

from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import ModelDeploymentStatus
from serin.evidence import SloReport
from serin.rollout.context import DecisionContext
from serin.rollout.stage import describe_step, overdue_by
from serin.rollout.transition import Transition, rollout_of
from serin.schema.reasons import Phase, Reason, Verdict

FIRST_WINDOWS = 6
"""So many windows of a step may pass before silence is worth a warning: the first requests have to come and be read."""
FIRST_SCRAPES = timedelta(seconds=30)


def undecided(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """An SLO that decides has not passed."""
    slo, policy = context.observed.assessment.blocking, context.policy(status)
    if slo is None and context.observed.assessment.slos:
        return None
    late = overdue_by(context, status, policy) is not None
    wake = context.next_evaluation_at()
    if slo is None or policy is None:
        reason = Reason.COLLECTING_EVIDENCE if _young(context, status, policy) else Reason.NO_DATA
        message = f"{describe_step(status)}: no window has been judged yet"
        return Transition(status, reason, message, wake, stalled=late)
    if late and status.phase is not Phase.BAKING:
        message = f"{describe_step(status)}: no decision within the step's timeout; {slo.message}"
        return Transition(status, Reason.STEP_TIMEOUT, message, wake, stalled=True)
    if slo.verdict is Verdict.NO_DATA and slo.known_until is None and _young(context, status, policy):
        message = f"{describe_step(status)}: waiting for the first requests; {slo.message}"
        return Transition(status, Reason.COLLECTING_EVIDENCE, message, wake)
    message = f"{describe_step(status)}: {_describe_hold(slo)}{slo.message}"
    return Transition(status, _hold_reason(slo), message, wake, stalled=late)


def _young(context: DecisionContext, status: ModelDeploymentStatus, policy: PromotionPolicySpec | None) -> bool:
    """Whether the step has just begun: that nothing is known of it yet is no trouble."""
    begun = rollout_of(status).step_started_at
    window = policy.analysis.window if policy is not None else timedelta()
    return begun is None or context.now - begun < FIRST_WINDOWS * window + FIRST_SCRAPES


def _hold_reason(slo: SloReport) -> Reason:
    if slo.verdict is Verdict.FAIL:
        return Reason.WORSE_THAN_STABLE
    return slo.reason


def _describe_hold(slo: SloReport) -> str:
    if slo.verdict is Verdict.FAIL:
        return f"{slo.severity.value} SLO failed, only Critical ones roll back; "
    if slo.reason is Reason.COMMON_CAUSE:
        return "breaks the objective, but is not shown to be worse than stable (a common cause?); "
    if slo.reason is Reason.WORSE_THAN_STABLE:
        return "worse than stable; "
    return ""
