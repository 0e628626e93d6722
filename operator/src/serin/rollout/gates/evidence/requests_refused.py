"""Gate: holds a candidate that refuses most of its requests with a 4xx, where stable does not and no SLO judges it."""

from __future__ import annotations

from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import ModelDeploymentStatus
from serin.indicators.client_errors import ClientErrors
from serin.judge.client_errors import MOST
from serin.rollout.context import DecisionContext
from serin.rollout.steps.stage import describe_step
from serin.rollout.transition import Transition
from serin.schema.reasons import Reason


def requests_refused(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds what every SLO of the policy may call good, since none of them counts a 4xx: it serves nobody."""
    found, policy, candidate = context.observed.refusals, context.policy(status), status.candidate
    if found is None or policy is None or candidate is None or judges_client_errors(policy):
        return None
    if not found.differ or not found.stable_share <= MOST < found.share:
        return None
    message = (
        f"{describe_step(status)}: version {candidate.version} {found.words}: another input schema, or another served "
        "name? No SLO of the policy judges that; with the indicator clientErrors it is taken back by itself"
    )
    return Transition(status, Reason.CLIENT_ERRORS_DIFFER, message, stalled=True)


def judges_client_errors(policy: PromotionPolicySpec) -> bool:
    """Whether an SLO of the policy judges answers with a 4xx."""
    return any(isinstance(slo.indicator.chosen, ClientErrors) for slo in policy.slos)
