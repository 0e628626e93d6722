"""One pure function: spec, status, observation and time in; next status, plan and announcements out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.status import ModelDeploymentStatus
from serin.rollout.actions import actions_due_at, apply_next_action
from serin.rollout.context import DecisionContext
from serin.rollout.decision import Decision, Plan
from serin.rollout.gates.evidence.analysis_ready import preflight_due
from serin.rollout.housekeeping import (
    with_exposure_time,
    with_stable_size,
    without_drained,
    without_future_times,
    without_lost_adoption,
    without_stale_retry,
    without_written_outcomes,
)
from serin.rollout.notifications.pending import standing, with_notifications
from serin.rollout.observation import Observation
from serin.rollout.phases import is_watched
from serin.rollout.phases.idle import decide_idle
from serin.rollout.phases.interruption import with_return
from serin.rollout.phases.preparing import prepare
from serin.rollout.phases.progressing import progress, watch_only
from serin.rollout.phases.promoted import finish_promotion
from serin.rollout.phases.promoting import bake, promote
from serin.rollout.phases.rollback import continue_rollback
from serin.rollout.phases.shadowing import shadow
from serin.rollout.phases.stable_outage import with_outage_clock
from serin.rollout.phases.start.first_deployment import first_deployment
from serin.rollout.phases.start.waiting import wait_to_start
from serin.rollout.plan import plan
from serin.rollout.rebuild import rebuild
from serin.rollout.report.announcements import announcements
from serin.rollout.report.status_report import with_report, with_write_failures
from serin.rollout.spec.identity import without_collision
from serin.rollout.templates import drift_announcement, with_templates
from serin.rollout.transition import Transition
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome
from serin.schema.words import is_known

PHASE_RULES: dict[Phase, Callable[[DecisionContext, ModelDeploymentStatus], Transition]] = {
    Phase.WAITING: wait_to_start,
    Phase.PREPARING: prepare,
    Phase.SHADOWING: shadow,
    Phase.PROGRESSING: progress,
    Phase.PROMOTING: promote,
    Phase.BAKING: bake,
    Phase.ROLLING_BACK: continue_rollback,
}


HOUSEKEEPING = (
    without_lost_adoption,
    without_drained,
    without_written_outcomes,
    without_stale_retry,
    with_outage_clock,
    with_return,
    with_stable_size,
    with_exposure_time,
    with_write_failures,
)


def decide(
    name: str, spec: ModelDeploymentSpec, status: ModelDeploymentStatus, observed: Observation, now: datetime
) -> Decision:
    """The next status, and the objects that it needs. ``now`` is UTC; at most one transition per call."""
    status = without_future_times(status, now)
    context = DecisionContext(name, spec, without_collision(status, observed), now)
    current = rebuild(context, status) if status.phase is None else status
    transition = current if isinstance(current, Transition) else _advance(context, current)
    after = with_templates(context, with_report(context, status, transition), status.phase)
    announced = (*announcements(status, after, transition), *drift_announcement(status, after))
    after = with_notifications(context, status, after, announced)
    return Decision(
        status=after,
        plan=Plan() if transition.frozen else plan(context, after),
        announcements=announced,
        standing=standing(context, after),
        wake_at=_earliest(
            transition.wake_at,
            *_drained_at(context, after),
            actions_due_at(context, after),
            _watch_due_at(context, after),
        ),
        asks_preflight=preflight_due(context, after),
    )


def _advance(context: DecisionContext, status: ModelDeploymentStatus) -> Transition:
    for correct in HOUSEKEEPING:
        status = correct(context, status)
    status, transition = apply_next_action(context, status)
    if transition is not None:
        return transition
    if status.candidate is None or status.phase is None:
        return decide_idle(context, status)
    if status.rollout is not None and status.rollout.outcome is not None and not is_known(status.rollout.outcome):
        return watch_only(context, status)
    if status.rollout is not None and status.rollout.outcome is Outcome.PROMOTED:
        return finish_promotion(context, status)
    if status.stable is None:
        return first_deployment(context, status)
    return PHASE_RULES.get(status.phase, watch_only)(context, status)


def _drained_at(context: DecisionContext, status: ModelDeploymentStatus) -> list[datetime]:
    """When draining arms are to be deleted; an arm that still exists after that is polled."""
    due = [ref.until for ref in status.draining if ref.until is not None]
    return [until if until > context.now else context.poll_at() for until in due]


def _watch_due_at(context: DecisionContext, status: ModelDeploymentStatus) -> datetime | None:
    """When the breach watch has to look again: a hold may wait for long, and the watch never does."""
    return context.next_evaluation_at() if is_watched(status) else None


def _earliest(*times: datetime | None) -> datetime | None:
    return min((t for t in times if t is not None), default=None)
