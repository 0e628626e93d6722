"""Gate: holds before the first weight while the policy's queries could not decide the rollout."""

from __future__ import annotations

from datetime import timedelta

from serin.api.policy.analysis import Preflight
from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.gates.cluster.candidate_size import candidate_not_up
from serin.rollout.gates.gate import hold_limit
from serin.rollout.phases.following import may_begin_anew
from serin.rollout.readiness import Readiness
from serin.rollout.transition import Transition, rollout_of
from serin.schema.phase import Phase
from serin.schema.reasons import Reason

STALLED_AFTER = timedelta(minutes=1)
"""How long a look after the other may find the same before a person is needed; series of a new exporter come late."""
LONGEST_WORDS = 500
"""Characters of a cause in the message, which has to have room for what to do."""


def analysis_not_ready(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds while preflight finds that an SLO cannot be judged, or while Prometheus does not answer it.

    A rollout without steps needs no evidence, and a dead stable no proof.
    """
    found = context.observed.readiness
    if not is_asked(context, status) or not holds_for_preflight(context, status):
        return None
    if found is None or (found.ready and preflight_due(context, status)):
        message = "the queries of the policy are tried before the first weight"
        return Transition(status, Reason.PREPARING_CANDIDATE, message, context.poll_at())
    if found.ready:
        return None
    return _hold(context, status, found)


def is_asked(context: DecisionContext, status: ModelDeploymentStatus) -> bool:
    """Whether the rollout is one that is judged by its policy's queries, and has no weight yet."""
    rollout, record = status.rollout, context.record(status)
    if rollout is None or status.phase is not Phase.PREPARING or status.stable is None or rollout.at_once:
        return False
    return record is not None and record.policy is not None and not context.is_down(status.stable)


def holds_for_preflight(context: DecisionContext, status: ModelDeploymentStatus) -> bool:
    """Whether the policy wants a hold for what preflight finds."""
    policy = context.policy(status)
    return policy is not None and policy.analysis.preflight is Preflight.HOLD


def preflight_due(context: DecisionContext, status: ModelDeploymentStatus) -> bool:
    """Whether Prometheus has to be asked now: once, and after each pause while it holds.

    A look that could not see everything is repeated when the candidate is ready.
    """
    if not is_asked(context, status):
        return False
    found = context.observed.readiness
    if found is None:
        return True
    if not found.ready:
        return found.again_at is None or context.now >= found.again_at
    return not found.conclusive and candidate_not_up(context, status) is None


def _shown(obstacles: tuple[str, ...]) -> str:
    """The first of them, and how many more the condition AnalysisReady has."""
    more = f" (and {len(obstacles) - 1} more, see AnalysisReady)" if len(obstacles) > 1 else ""
    return f"{obstacles[0][:LONGEST_WORDS]}{more}" if obstacles else ""


def _hold(context: DecisionContext, status: ModelDeploymentStatus, found: Readiness) -> Transition:
    rollout, name = rollout_of(status), context.spec.policy_ref.name
    reason = Reason.ANALYSIS_NOT_READY if found.obstacles else Reason.METRICS_UNAVAILABLE
    since = rollout.since if rollout.reason is reason else context.now
    limit = STALLED_AFTER if found.obstacles else hold_limit(context, status)
    why = _shown(found.obstacles) or found.unavailable[:LONGEST_WORDS]
    edit = f", or edit PromotionPolicy {name} and the rollout begins anew with it (analysis.preflight: Warn only warns)"
    or_edit = edit if may_begin_anew(status) else ""
    message = (
        f"no weight before the policy's queries can decide: {why}; it goes on by itself when they can; mend what is "
        f"named{or_edit}; a PromotionAction Promote lets the candidate serve without evidence"
    )
    return Transition(
        status, reason, message, found.again_at or context.poll_at(), stalled=context.now - since >= limit
    )
