"""The rules that roll back. They run in every phase with a candidate; no gate can switch them off."""

from __future__ import annotations

from serin.api.model_deployment import OnNewRevision
from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.evidence_decision import SilenceClock
from serin.rollout.phases.interruption import endpoint_loss
from serin.rollout.phases.rollback import start_rollback
from serin.rollout.phases.stable_outage import kept_from_serving, stable_is_down
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
from serin.schema.words import stored_word

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


def decided_before(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """A rollback that was decided when the status could not be written: the route has it, and it is not undone."""
    route = context.observed.route
    record, _, word = (route.rollback if route is not None else "").partition(" ")
    if not word or record != rollout_of(status).record:
        return None
    cause = stored_word(Reason, word)
    message = f"it was decided to roll back ({cause}) when the status could not be written"
    return start_rollback(context, status, cause, message)


def breached(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """A Critical SLO is breached."""
    back = stage_evidence(context, status).breach
    if back is None:
        return None
    reached = "; it had no weight yet: mirrored and preview requests only" * (status.phase is Phase.SHADOWING)
    return start_rollback(context, status, back.reason, f"{back.slo.message}{reached}")


def candidate_crashed(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """The candidate has traffic and crashes.

    One failed start of a further pod, while others answer, is no crash: its model may load at the next try.
    """
    arm = context.arm(status.candidate)
    if arm is None or arm.failure is None or arm.failure.reason not in CRASHES:
        return None
    if arm.failure.reason is Reason.MODEL_LOAD_FAILED and arm.ready and not arm.failure.final:
        return None
    return start_rollback(context, status, arm.failure.reason, arm.failure.message)


def candidate_unreachable(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """The candidate has traffic and cannot answer: no weight at once, and rolled back when that lasts."""
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
    if context.is_down(status.stable) and context.ready(candidate) and not kept_from_serving(context, status):
        return None  # it is all that can serve, and takes all traffic first
    waits = context.spec.on_new_revision is OnNewRevision.QUEUE and not back
    if waits and (context.ready(candidate) or not stable_is_down(context, status)):
        return None
    what = "stable again" if back else "another revision"
    return start_rollback(
        context, status, Reason.SUPERSEDED, f"spec asks for {what} (version {wanted.version}); this rollout ends"
    )


def stable_applied_again(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Spec asks for stable again; a further revision waits for the end of a promotion that has been decided."""
    wanted, stable = context.observed.wanted, status.stable
    back = wanted is not None and stable is not None and wanted.revision == stable.revision
    return superseded(context, status) if back else None


def with_silence_clock(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """Since when there is an SLO that decides without data."""
    since = rollout_of(status).unknown_since
    if rollout_of(status).interruption is not None:  # it was taken out of the traffic: its silence says nothing
        return status if since is None else with_rollout(status, unknown_since=None)
    now_since = SilenceClock(since).at(context.observed.assessment, context.now).since
    return status if now_since == since else with_rollout(status, unknown_since=now_since)


def silent_too_long(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """The policy wants the candidate back when nobody knows how it does."""
    back, since = stage_evidence(context, status).silent_too_long, rollout_of(status).unknown_since
    if back is None or since is None or context.is_down(status.stable):
        return None
    message = f"nothing is known since {format_time(since)} (analysis.onNoData: Abort); {back.slo.message}"
    return start_rollback(context, status, back.reason, message)


def inconclusive_too_long(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """The policy wants the candidate back when a step is not decided for too long after its timeout."""
    back = stage_evidence(context, status).inconclusive_too_long
    if back is None or context.is_down(status.stable):
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
    decided_before,
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
ENDING_RULES = (
    decided_before,
    aborted_by_hand,
    breached,
    candidate_crashed,
    stable_applied_again,
    candidate_unreachable,
)
"""While a promotion that has been decided waits for its record."""
