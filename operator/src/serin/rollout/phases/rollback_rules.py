"""The rules that roll back. They run in every phase with a candidate; no gate can switch them off."""

from __future__ import annotations

from serin.api.model_deployment import OnNewRevision
from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.evidence_decision import SilenceClock
from serin.rollout.phases.interruption import endpoint_loss
from serin.rollout.phases.rollback import start_rollback
from serin.rollout.stage import describe_step, stage_evidence
from serin.rollout.transition import (
    Transition,
    rollout_of,
    weights_of,
    with_rollout,
    with_weight,
)
from serin.schema.reasons import Phase, Reason
from serin.schema.types import format_time

CRASHES = frozenset({Reason.CANDIDATE_CRASHED, Reason.MODEL_LOAD_FAILED})


def aborted_by_hand(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """A lowered weight on the route (or a mirror that is gone) is a person's, or a tool's, Abort."""
    route = context.observed.route
    if route is None or status.candidate is None:
        return None
    intended = weights_of(status).applied if route.intended is None else route.intended
    closed = route.meant_to_expose - route.exposes
    if route.weight >= intended and not closed:
        return None
    what = (
        f"lowered the candidate's weight on the route from {intended} % to {route.weight} %"
        if route.weight < intended
        else f"took the {' and the '.join(sorted(way.value.lower() for way in closed))} off the route"
    )
    message = f"{route.editor or 'somebody'} {what}; version {status.candidate.version} is taken back"
    lowered = with_weight(status, min(weights_of(status).desired, route.weight))
    return start_rollback(context, lowered, Reason.ABORTED_BY_HAND, message)


def breached(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """A Critical SLO is breached."""
    back = stage_evidence(context, status).breach
    if back is None:
        return None
    reached = "; it had no weight yet: mirrored and preview requests only" * (status.phase is Phase.SHADOWING)
    return start_rollback(context, status, back.reason, f"{back.slo.message}{reached}")


def candidate_crashed(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """The candidate has traffic and crashes."""
    arm = context.arm(status.candidate)
    if arm is not None and arm.failure is not None and arm.failure.reason in CRASHES:
        return start_rollback(context, status, arm.failure.reason, arm.failure.message)
    return None


def candidate_unreachable(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """The candidate has traffic and cannot answer: no weight at once, and taken back when that lasts."""
    interruption = endpoint_loss(context, status)
    if interruption is None or isinstance(interruption, Transition):
        return interruption
    return start_rollback(context, status, interruption.reason, interruption.message)


def superseded(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Spec asks for another revision."""
    wanted, candidate = context.observed.wanted, status.candidate
    if wanted is None or candidate is None or wanted.revision == candidate.revision:
        return None
    back = status.stable is not None and wanted.revision == status.stable.revision
    if context.spec.on_new_revision is OnNewRevision.QUEUE and not back:
        return None
    what = "stable again" if back else "another revision"
    return start_rollback(
        context, status, Reason.SUPERSEDED, f"spec asks for {what} (version {wanted.version}); this rollout ends"
    )


def with_silence_clock(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """Since when there is an SLO that decides without data."""
    since = rollout_of(status).unknown_since
    now_since = SilenceClock(since).at(context.observed.assessment, context.now).since
    return status if now_since == since else with_rollout(status, unknown_since=now_since)


def silent_too_long(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """The policy wants the candidate back when nobody knows how it does."""
    back, since = stage_evidence(context, status).silent_too_long, rollout_of(status).unknown_since
    if back is None or since is None:
        return None
    message = f"nothing is known since {format_time(since)} (analysis.onNoData: Abort); {back.slo.message}"
    return start_rollback(context, status, back.reason, message)


def inconclusive_too_long(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """The policy wants the candidate back when a step is not decided for too long after its timeout."""
    back = stage_evidence(context, status).inconclusive_too_long
    if back is None:
        return None
    message = f"{describe_step(status)}: not decided (analysis.onInconclusive: Abort); {back.slo.message}"
    return start_rollback(context, status, back.reason, message)


def candidate_cannot_start(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """The candidate will not come up."""
    arm = context.arm(status.candidate)
    if arm is not None and arm.failure is not None and arm.failure.final and arm.failure.own:
        return start_rollback(context, status, arm.failure.reason, arm.failure.message)
    return None


ROLLBACK_RULES = (
    aborted_by_hand,
    breached,
    candidate_crashed,
    superseded,
    candidate_unreachable,
    silent_too_long,
    inconclusive_too_long,
)
"""While the candidate gets requests, in order of urgency; the first that answers wins."""


PREPARE_RULES = (superseded, candidate_cannot_start)
"""Before the candidate gets its first request."""
ENDING_RULES = (aborted_by_hand, breached, candidate_crashed)
"""While a promotion that has been decided waits for its record."""
