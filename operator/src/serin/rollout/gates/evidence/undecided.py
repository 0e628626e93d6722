"""Gate: holds until every deciding SLO has passed."""

from __future__ import annotations

import math

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.evidence_decision import Hold, StageLimits
from serin.rollout.steps.stage import describe_step, stage_evidence
from serin.rollout.transition import Transition
from serin.schema.reasons import Reason, Verdict


def undecided(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds while a deciding SLO has not passed, or no window has been judged."""
    evidence = stage_evidence(context, status)
    hold = evidence.undecided
    if hold is None:
        return None
    message = f"{describe_step(status)}: {_describe(hold)}{_needed(hold, evidence.limits)}"
    return Transition(status, hold.reason, message, stalled=hold.late)


def _needed(hold: Hold, limits: StageLimits | None) -> str:
    """What the step needs of the evidence for passing, where that is less than all of it."""
    slo = hold.slo
    if slo is None or slo.verdict is not Verdict.INSUFFICIENT or limits is None or limits.pass_share >= 1:
        return ""
    return f"; the next weight needs {math.ceil(100 * limits.pass_share)} %"


def _describe(hold: Hold) -> str:
    slo = hold.slo
    if slo is None:
        return "no window has been judged yet"
    if hold.reason is Reason.STEP_TIMEOUT:
        return f"no decision within the step's timeout; {slo.message}"
    if slo.verdict is Verdict.NO_DATA and hold.reason is Reason.COLLECTING_EVIDENCE:
        return f"waiting for the first requests; {slo.message}"
    if slo.verdict is Verdict.FAIL:
        return f"{slo.severity.value} SLO failed, so the weight stays (a Critical one would roll back); {slo.message}"
    if slo.reason is Reason.COMMON_CAUSE:
        return f"breaks the objective, but is not shown to be worse than stable (a common cause?); {slo.message}"
    return f"worse than stable; {slo.message}" if slo.reason is Reason.WORSE_THAN_STABLE else slo.message
