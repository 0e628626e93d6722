"""No rollout is under way: serve stable, reject the revision, wait, or start a rollout."""

from __future__ import annotations

from datetime import datetime, timedelta

from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.rollout.context import NO_ROUTE, DecisionContext
from serin.rollout.gates.cluster.write_failed import WRITES_THAT_HOLD
from serin.rollout.observation import NEEDED_TO_WRITE, Part, Problem, taker_of
from serin.rollout.phases.next_step import first_transition
from serin.rollout.phases.stable_outage import DOWN_FOR, stable_is_down
from serin.rollout.phases.start.held import start_frozen, start_paused
from serin.rollout.phases.start.rejected_elsewhere import rejected_elsewhere
from serin.rollout.phases.start.starting import (
    ask_again_at,
    is_returning,
    start_rollout,
    unreadable_before_start,
    wait_for_route,
)
from serin.rollout.transition import (
    Transition,
    failed_write,
    whole_second,
    with_phase,
)
from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from serin.schema.types import format_time

ROUTE_GRACE = timedelta(seconds=30)
"""How long after a rollout the gateway may take to accept the last change of the route."""
NEEDED_TO_SERVE = (Part.ENDPOINTS, *NEEDED_TO_WRITE)
"""Parts without which nobody knows whether stable serves as spec asks for."""
RETRIED_REFUSALS = frozenset(
    {
        Reason.RENDER_REFUSED,
        Reason.QUOTA_EXCEEDED,
        Reason.PERMISSION_MISSING,
        Reason.WRITE_UNAVAILABLE,
        Reason.NAME_TAKEN,
        Reason.ADOPTION_REFUSED,
    }
)
"""Refusals of the InferenceService, or of one that is to be adopted, that may end without a watch event."""
REFUSAL_RETRY = timedelta(seconds=30)
"""How often such a dry-run is repeated."""


def decide_idle(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    """The transition without a candidate: the revision in spec is stable, rejected, waiting, or the next candidate."""
    wanted, stable = context.observed.wanted, status.stable
    if wanted is None:
        problem = context.observed.problem or Problem(Reason.SPEC_INVALID, "spec cannot be used")
        phase = Phase.STABLE if stable else Phase.PENDING
        wake = _ask_again_at(context, status, problem)
        return Transition(with_phase(status, phase), problem.reason, problem.message, wake, stalled=True)
    if stable is None:
        held = first_transition(
            (unreadable_before_start, rejected_elsewhere, start_paused, start_frozen), context, status
        )
        return held or start_rollout(context, status, wanted, None)
    if wanted.revision == stable.revision:
        return _stable_wanted(context, status, stable)
    checks = (_rejected, unreadable_before_start, start_paused, _start_blocked, _backing_off, start_frozen)
    return first_transition(checks, context, status) or start_rollout(context, status, wanted, _policy(context))


def _ask_again_at(context: DecisionContext, status: ModelDeploymentStatus, problem: Problem) -> datetime | None:
    """When to look again at a problem that may end without a watch event; None if only an event ends it."""
    if problem.reason in RETRIED_REFUSALS:
        return context.now + REFUSAL_RETRY
    if problem.reason is not Reason.HOSTNAME_TAKEN:
        return None
    return ask_again_at(context, status, problem.reason)


def _stable_wanted(context: DecisionContext, status: ModelDeploymentStatus, stable: RevisionRef) -> Transition:
    """Spec asks for the stable revision: Serving, or why it does not serve."""
    status = with_phase(status, Phase.STABLE)
    if context.is_down(stable):
        cause = context.failure(stable, status.stable_down_since)
        why = f": {cause.message}" if cause is not None else ""
        message = f"version {stable.version} is stable but has no ready endpoint{why}"
        return Transition(status, Reason.STABLE_NOT_READY, message, context.poll_at(), stalled=True)
    failure = failed_write(status, *WRITES_THAT_HOLD, "Deletion")
    if failure is not None:
        message = f"{_serves(context, stable)}; {failure.message}"
        return Transition(status, failure.reason, message, context.poll_at(), stalled=True)
    part = next((part for part in NEEDED_TO_SERVE if part in context.observed.unknown), None)
    if part is not None:
        found = context.observed.unknown[part]
        message = f"version {stable.version} is stable; {part.value} cannot be read: {found.message}"
        return Transition(status, Reason.OBSERVATION_INCOMPLETE, message, context.poll_at(), stalled=found.refused)
    arm = context.arm(stable)
    if arm is not None and arm.doubt is not None:
        message = f"{_serves(context, stable, ' all traffic')}; {arm.doubt.message}"
        return Transition(status, arm.doubt.reason, message, stalled=True)
    route = context.observed.route
    recent = stable.since is not None and context.now - stable.since < ROUTE_GRACE
    if route is None or (not route.accepted and not (route.pending and recent)):
        why = f": {route.message}" if route is not None and route.message else ""
        message = f"version {stable.version} is ready; {taker_of(route)} has not accepted its route{why}"
        return wait_for_route(context, status, message)
    wake = None if route.accepted else context.poll_at()
    message = f"version {stable.version} serves all traffic{_left_over(context, status)}"
    return Transition(status, Reason.SERVING, message, wake)


def _serves(context: DecisionContext, stable: RevisionRef, what: str = "") -> str:
    """That stable serves, or why it does not."""
    if context.is_down(stable):
        return f"version {stable.version} has no ready endpoint"
    return f"version {stable.version} {f'serves{what}' if context.share(stable) else NO_ROUTE}"


def _left_over(context: DecisionContext, status: ModelDeploymentStatus) -> str:
    """That an adopted InferenceService serves nobody any more: only its owner may delete it."""
    previous = status.previous
    arm = context.arm(previous)
    if previous is None or arm is None or not arm.adopted or previous.is_same(status.stable or previous):
        return ""
    return (
        f"; InferenceService {arm.ref.workload.name}, which was adopted for version {previous.version}, gets no "
        f"traffic any more, and Serin does not delete it; delete it when you need no quick way back to it"
    )


def _rejected(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Keeps a rejected revision out until spec changes or a Retry asks for it."""
    wanted = context.observed.wanted
    record = context.observed.rejection(wanted.revision) if wanted else None
    rejection = next((r for r in status.rejected if wanted and r.revision == wanted.revision), None)
    retried = wanted is not None and status.retry is not None and status.retry.revision == wanted.revision
    if wanted is None or retried or (record is None and rejection is None):
        return None
    reason = (record.reason if record else None) or (rejection.reason if rejection else Reason.SLO_BREACHED)
    name = record.name if record else rejection.record if rejection else "?"
    serves = _serves(context, status.stable) if status.stable else "nothing serves"
    message = (
        f"version {wanted.version} was taken back ({reason.value}, see PromotionRecord {name}); "
        f"{serves}; change spec.model or spec.predictor to try another revision, or create a "
        f"PromotionAction Retry for revision {wanted.revision}"
    )
    wake = None if context.ready(status.stable) else context.poll_at()
    return Transition(with_phase(status, Phase.ROLLED_BACK), Reason.REVISION_REJECTED, message, wake, stalled=True)


def _start_blocked(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Why a rollout may not start now: no usable policy, or a route that is not accepted.

    While stable is down neither blocks it, as the revision may end the outage; without a policy it starts once stable
    has been down for ``DOWN_FOR``.
    """
    waiting, down = with_phase(status, Phase.WAITING), context.is_down(status.stable)
    problem = _policy_problem(context, status)
    if problem is not None and not stable_is_down(context, status):
        wake = (status.stable_down_since or context.now) + DOWN_FOR if down else None
        return Transition(waiting, problem.reason, problem.message, wake, stalled=True)
    route = context.observed.route
    if not down and (route is None or not route.accepted):
        why = f": {route.message}" if route is not None and route.message else ""
        message = f"{taker_of(route)} has not accepted the route{why}; no rollout starts on it"
        return wait_for_route(context, waiting, message)
    return None


def _policy_problem(context: DecisionContext, status: ModelDeploymentStatus) -> Problem | None:
    """Why the policy lets no rollout start; a way back to the previous revision has no preview and needs no header."""
    wanted, live = context.observed.wanted, context.observed.policy
    if wanted is not None and is_returning(context, status, wanted):
        return live if isinstance(live, Problem) else None
    return context.policy_problem()


def _backing_off(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Waits before the next attempt if the last one ended for a cause outside the revision, unless stable is down."""
    wanted = context.observed.wanted
    if context.is_down(status.stable):  # the revision may end the outage
        return None
    retry = context.retry_at(status, wanted.revision) if wanted is not None else None
    retried = wanted is not None and status.retry is not None and status.retry.revision == wanted.revision
    if retry is None or wanted is None or retried or context.now >= retry[1]:
        return None
    record, at = retry
    reason = record.reason or Reason.PREPARING_CANDIDATE
    message = (
        f"version {wanted.version} could not be rolled out ({reason.value}), and not for its own fault; it is tried "
        f"again at {format_time(whole_second(at))}, or at once by a PromotionAction Retry for revision "
        f"{wanted.revision}; see PromotionRecord {record.name}"
    )
    return Transition(with_phase(status, Phase.WAITING), reason, message, at, stalled=True)


def _policy(context: DecisionContext) -> PromotionPolicySpec | None:
    return context.observed.policy if isinstance(context.observed.policy, PromotionPolicySpec) else None
