"""The first deployment: no stable revision, so no steps; the route waits for a ready endpoint."""

from __future__ import annotations

from dataclasses import replace

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.gates.cluster.write_failed import WRITES_THAT_HOLD
from serin.rollout.gates.gate import DEFAULT_HOLD_LIMIT
from serin.rollout.observation import taker_of
from serin.rollout.phases.promoted import decide_promotion
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
    with_draining,
    with_fields,
    with_phase,
    with_weight,
)
from serin.schema.phase import Phase
from serin.schema.reasons import Reason


def first_deployment(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    """The transition while nothing is stable: ready, recorded, routed, then stable without steps."""
    candidate, wanted, route = status.candidate, context.observed.wanted, context.observed.route
    unknown = unreadable_before_start(context, status)
    if wanted is not None and candidate is not None and wanted.revision != candidate.revision and unknown is None:
        replaced = candidate.model_copy(update={"until": context.now})
        after = with_fields(status, draining=with_draining(status, replaced))
        return rejected_elsewhere(context, status) or start_rollout(context, after, wanted, None)
    failure = failed_write(status, *WRITES_THAT_HOLD)
    if failure is not None:
        return Transition(
            status, failure.reason, f"{failure.message}; nothing serves yet", context.poll_at(), stalled=True
        )
    arm = context.arm(candidate)
    if arm is None or arm.ready == 0:
        return unknown or _not_ready(context, status)
    if context.record(status) is None:
        message = "the PromotionRecord is being created"
        return unknown or _overdue(context, Transition(status, Reason.FIRST_DEPLOYMENT, message, context.poll_at()))
    problem = context.observed.problem
    if route is None and problem is not None and problem.reason is Reason.HOSTNAME_TAKEN:
        status, wake = with_phase(status, Phase.PENDING), ask_again_at(context, status, problem.reason)
        return Transition(status, problem.reason, problem.message, wake, stalled=True)
    serving = with_weight(with_phase(status, Phase.PREPARING), EVERYTHING)
    if route is None or not route.accepted or candidate is None or route.stable != candidate.revision:
        why = f": {route.message}" if route is not None and route.message else ""
        message = f"version {arm.ref.version} is ready; {taker_of(route)} has not yet accepted its route{why}"
        return unknown or wait_for_route(context, serving, message)
    return decide_promotion(context, serving)


def _overdue(context: DecisionContext, transition: Transition) -> Transition:
    """The hold, stalled after the default limit."""
    lasted = context.now - rollout_of(transition.status).started_at
    return replace(transition, stalled=transition.stalled or lasted >= DEFAULT_HOLD_LIMIT)


def _not_ready(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    arm, version = context.arm(status.candidate), status.candidate.version if status.candidate else "?"
    if context.observed.problem is not None and context.observed.wanted is None:
        problem = context.observed.problem
        return Transition(
            with_phase(status, Phase.PENDING), problem.reason, problem.message, context.poll_at(), stalled=True
        )
    if arm is not None and arm.failure is not None:
        message = f"version {version} does not come up: {arm.failure.message}"
        final = arm.failure.final
        phase = Phase.PENDING if final else Phase.PREPARING
        return _overdue(
            context,
            Transition(with_phase(status, phase), arm.failure.reason, message, context.poll_at(), stalled=final),
        )
    message = first_words(context, status.candidate) if status.candidate else "the first revision comes up"
    return _overdue(
        context, Transition(with_phase(status, Phase.PREPARING), Reason.FIRST_DEPLOYMENT, message, context.poll_at())
    )
