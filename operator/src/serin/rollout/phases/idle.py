"""No rollout is under way: settle, refuse, wait, or start one."""

from __future__ import annotations

from datetime import timedelta

from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.rollout.context import DecisionContext
from serin.rollout.gates.cluster.write_failed import WRITES_THAT_HOLD
from serin.rollout.observation import Part, Problem
from serin.rollout.phases.next_step import first_transition
from serin.rollout.phases.stable_outage import DOWN_FOR, stable_is_down
from serin.rollout.phases.starting import start_rollout, unreadable_before_start, wait_for_route
from serin.rollout.transition import (
    Transition,
    failed_write,
    whole_second,
    with_phase,
)
from serin.schema.reasons import Phase, Reason
from serin.schema.types import format_time

ROUTE_SETTLES = timedelta(seconds=30)
"""So long after the end of a rollout the gateway may take to work with the last change of the route."""
ASKED_AGAIN = frozenset(
    {Reason.RENDER_REFUSED, Reason.QUOTA_EXCEEDED, Reason.PERMISSION_MISSING, Reason.WRITE_UNAVAILABLE}
)
"""What the API server said of the InferenceService that spec asks for, and may say otherwise without an event."""


REFUSED_AGAIN = timedelta(seconds=30)
"""How often the API server is asked again whether it takes what it refused."""


def decide_idle(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    """No candidate: is the revision in spec stable, refused, or the next candidate?"""
    wanted, stable = context.observed.wanted, status.stable
    if wanted is None:
        problem = context.observed.problem or Problem(Reason.SPEC_INVALID, "spec cannot be used")
        phase = Phase.STABLE if stable else Phase.PENDING
        wake = context.now + REFUSED_AGAIN if problem.reason in ASKED_AGAIN else None
        return Transition(with_phase(status, phase), problem.reason, problem.message, wake, stalled=True)
    if stable is None:
        return first_transition((unreadable_before_start,), context, status) or start_rollout(
            context, status, wanted, None
        )
    if wanted.revision == stable.revision:
        return _settled(context, status, stable)
    checks = (_refused, unreadable_before_start, _not_now, _backing_off)
    return first_transition(checks, context, status) or start_rollout(context, status, wanted, _policy(context))


def _settled(context: DecisionContext, status: ModelDeploymentStatus, stable: RevisionRef) -> Transition:
    """Spec asks for what is stable; a restored one first needs ready endpoints for its route."""
    status = with_phase(status, Phase.STABLE)
    if context.is_down(stable):
        arm = context.arm(stable)
        why = f": {arm.failure.message}" if arm and arm.failure else ""
        message = f"version {stable.version} is stable but has no ready endpoint{why}"
        return Transition(status, Reason.STABLE_NOT_READY, message, context.poll_at(), stalled=True)
    failure = failed_write(status, *WRITES_THAT_HOLD, "Deletion")
    if failure is not None:
        message = f"version {stable.version} serves; {failure.message}"
        return Transition(status, failure.reason, message, context.poll_at(), stalled=True)
    part = next((part for part in (Part.ENDPOINTS, Part.HOSTNAMES) if part in context.observed.unknown), None)
    if part is not None:
        found = context.observed.unknown[part]
        message = f"version {stable.version} is stable; {part.value} cannot be read: {found.message}"
        return Transition(status, Reason.OBSERVATION_INCOMPLETE, message, context.poll_at(), stalled=found.refused)
    route = context.observed.route
    fresh = stable.since is not None and context.now - stable.since < ROUTE_SETTLES
    if route is None or (not route.accepted and not (route.pending and fresh)):
        why = f": {route.message}" if route is not None and route.message else ""
        message = f"version {stable.version} is ready; the gateway has not accepted its route{why}"
        return wait_for_route(context, status, message)
    wake = None if route.accepted else context.poll_at()
    return Transition(status, Reason.SERVING, f"version {stable.version} serves all traffic", wake)


def _refused(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """A rejected revision is refused until spec changes; the records are the memory."""
    wanted = context.observed.wanted
    record = context.observed.rejection(wanted.revision) if wanted else None
    noted = next((r for r in status.rejected if wanted and r.revision == wanted.revision), None)
    retried = wanted is not None and status.retry is not None and status.retry.revision == wanted.revision
    if wanted is None or retried or (record is None and noted is None):
        return None
    reason = (record.reason if record else None) or (noted.reason if noted else Reason.SLO_BREACHED)
    name = record.name if record else noted.record if noted else "?"
    serving = status.stable.version if status.stable else "?"
    message = (
        f"version {wanted.version} was taken back ({reason.value}, see PromotionRecord {name}); "
        f"version {serving} serves; change spec.model or spec.predictor to try another revision, or create a "
        f"PromotionAction Retry for revision {wanted.revision}"
    )
    wake = None if context.ready(status.stable) else context.poll_at()
    return Transition(with_phase(status, Phase.ROLLED_BACK), Reason.REVISION_REJECTED, message, wake, stalled=True)


def _not_now(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """A rollout is wanted but may not start yet. While stable is down, only somebody's word keeps a cure from it.

    Before ``DOWN_FOR`` is over it comes up already, where there is a policy: it gets no traffic by that.
    """
    waiting, down = with_phase(status, Phase.WAITING), context.is_down(status.stable)
    if context.spec.paused:
        message = "spec.paused is true: no new rollout; set it to false to go on"
        return Transition(waiting, Reason.PAUSED, message, context.poll_at() if down else None, stalled=down)
    if isinstance(context.observed.policy, Problem) and not stable_is_down(context, status):
        problem = context.observed.policy
        wake = (status.stable_down_since or context.now) + DOWN_FOR if down else None
        return Transition(waiting, problem.reason, problem.message, wake, stalled=True)
    route = context.observed.route
    if not down and (route is None or not route.accepted):
        why = f": {route.message}" if route is not None and route.message else ""
        message = f"the gateway has not accepted the route{why}; no rollout starts on it"
        return wait_for_route(context, waiting, message)
    return None


def _backing_off(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """The last attempt ended for a cause outside the revision: the next one begins by itself, after a pause."""
    wanted = context.observed.wanted
    if context.is_down(status.stable):  # it may be the cure
        return None
    retry = context.retry_at(status, wanted.revision) if wanted is not None else None
    asked = wanted is not None and status.retry is not None and status.retry.revision == wanted.revision
    if retry is None or wanted is None or asked or context.now >= retry[1]:
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
