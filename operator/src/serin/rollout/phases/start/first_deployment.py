"""The first deployment: no stable revision, so no steps; the route waits for a ready endpoint."""

from __future__ import annotations

from dataclasses import replace

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.gates.cluster.write_failed import WRITES_THAT_HOLD
from serin.rollout.gates.gate import DEFAULT_HOLD_LIMIT
from serin.rollout.gates.people.paused import paused
from serin.rollout.observation import taker_of
from serin.rollout.phases.next_step import first_transition
from serin.rollout.phases.promoted import decide_promotion
from serin.rollout.phases.start.held import start_frozen, start_paused
from serin.rollout.phases.start.rejected_elsewhere import rejected_elsewhere
from serin.rollout.phases.start.starting import (
    ask_again_at,
    first_words,
    start_rollout,
    unreadable_before_start,
    wait_for_route,
)
from serin.rollout.steps.schedule import EVERYTHING
from serin.rollout.transition import (
    Transition,
    failed_write,
    rollout_of,
    weights_of,
    with_draining,
    with_fields,
    with_phase,
    with_rollout,
    with_weight,
)
from serin.schema.phase import Phase
from serin.schema.reasons import Reason


def first_deployment(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    """The transition while nothing is stable: ready, recorded, routed, then stable without steps.

    One that clients reach is not replaced: it becomes stable, whatever else cannot be written any more, and another
    revision in spec is a rollout of its own. So is one that the gateway may take at any moment.
    """
    route, unknown = context.observed.route, unreadable_before_start(context, status)
    reached = context.reaches(status.candidate)
    if reached and route is not None and route.accepted and _needs_no_record(context, status):
        return decide_promotion(context, _with_drains(context, with_weight(status, EVERYTHING)))
    taken = reached and route is not None and (route.accepted or route.pending)
    replaced = _replaced(context, status) if unknown is None and not taken else None
    if replaced is not None:
        return replaced
    failure = failed_write(status, *WRITES_THAT_HOLD)
    if failure is not None:
        message = f"{failure.message}{'' if context.serving(status) else '; nothing serves yet'}"
        return Transition(status, failure.reason, message, context.poll_at(), stalled=True)
    arm = context.arm(status.candidate)
    if arm is None or arm.ready == 0:
        return unknown or _not_ready(context, status)
    if context.record(status) is None:
        message = "the PromotionRecord is being created"
        return unknown or _overdue(context, Transition(status, Reason.FIRST_DEPLOYMENT, message, context.poll_at()))
    return _route_it(context, status, arm.ref.version, unknown)


def _with_drains(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """The status as the gateway has taken the first revision: what the route named before it finishes its requests."""
    until = context.now + context.spec.drain
    drains = [ref if ref.until is not None else ref.model_copy(update={"until": until}) for ref in status.draining]
    return with_fields(status, phase=Phase.PREPARING, draining=drains)


def _needs_no_record(context: DecisionContext, status: ModelDeploymentStatus) -> bool:
    """Whether its record exists, or cannot be written any more: it had one when its route was written."""
    return context.record(status) is not None or failed_write(status, "PromotionRecord") is not None


def _replaced(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """The start of another revision that spec asks for, or why it does not start; None without one.

    What the route names and is ready stays until the gateway has taken the other one: some gateway may have taken it.
    """
    candidate, wanted = status.candidate, context.observed.wanted
    if wanted is None or candidate is None or wanted.revision == candidate.revision:
        return None
    ended = candidate.model_copy(update={"until": None if context.reaches(candidate) else context.now})
    after = with_fields(status, draining=with_draining(status, ended))
    held = first_transition((rejected_elsewhere, start_paused, start_frozen), context, status)
    return held or start_rollout(context, after, wanted, None)


def _route_it(
    context: DecisionContext, status: ModelDeploymentStatus, version: str, unknown: Transition | None
) -> Transition:
    """The wait of a ready revision for the gateway; without a route if its hostname is somebody else's, or paused."""
    route, problem = context.observed.route, context.observed.problem
    if route is None and problem is not None and problem.reason is Reason.HOSTNAME_TAKEN:
        status, wake = with_phase(status, Phase.PENDING), ask_again_at(context, status, problem.reason)
        return Transition(status, problem.reason, problem.message, wake, stalled=True)
    held = paused(context, status) if not weights_of(status).desired else None
    if held is not None:
        return unknown or held
    why = f": {route.message}" if route is not None and route.message else ""
    message = f"version {version} is ready; {taker_of(route)} has not yet accepted its route{why}"
    return unknown or wait_for_route(context, with_weight(with_phase(status, Phase.PREPARING), EVERYTHING), message)


def _overdue(context: DecisionContext, transition: Transition) -> Transition:
    """The hold, stalled after the default limit."""
    rollout = rollout_of(transition.status)
    since = rollout.blocked_since or min(rollout.started_at, context.now)
    stalled = transition.stalled or context.now - since >= DEFAULT_HOLD_LIMIT
    return replace(transition, status=with_rollout(transition.status, blocked_since=since), stalled=stalled)


def _not_ready(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    rollout, version = rollout_of(status), status.candidate.version if status.candidate else "?"
    failure = context.failure(status.candidate, rollout.blocked_since or rollout.started_at)
    if context.observed.problem is not None and context.observed.wanted is None:
        problem = context.observed.problem
        return Transition(
            with_phase(status, Phase.PENDING), problem.reason, problem.message, context.poll_at(), stalled=True
        )
    if failure is not None:
        message, final = f"version {version} does not come up: {failure.message}", failure.final
        phase = Phase.PENDING if final else Phase.PREPARING
        return _overdue(
            context,
            Transition(with_phase(status, phase), failure.reason, message, context.poll_at(), stalled=final),
        )
    message = first_words(context, status.candidate) if status.candidate else "the first revision comes up"
    return _overdue(
        context, Transition(with_phase(status, Phase.PREPARING), Reason.FIRST_DEPLOYMENT, message, context.poll_at())
    )
