"""What happens next? One pure function: spec, status, observation and the time in; status, plan and events out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.status import ModelDeploymentStatus
from serin.rollout.actions import heard, next_hearing
from serin.rollout.bake import bake, conclude, promote
from serin.rollout.cure import stable_clock
from serin.rollout.decision import Decision, Plan
from serin.rollout.drift import drift_told, with_templates
from serin.rollout.forward import prepare, progress, shadow, watch_only
from serin.rollout.intake import (
    first_deployment,
    forget_drained,
    forget_retry,
    intake,
    note_exposure,
)
from serin.rollout.observation import Observation
from serin.rollout.plan import plan
from serin.rollout.rebuild import rebuild
from serin.rollout.takeback import roll_back
from serin.rollout.tell import events, told, with_write_failures
from serin.rollout.turn import Move, Turn
from serin.schema.reasons import Outcome, Phase

RULES: dict[Phase, Callable[[Turn, ModelDeploymentStatus], Move]] = {
    Phase.PREPARING: prepare,
    Phase.SHADOWING: shadow,
    Phase.PROGRESSING: progress,
    Phase.PROMOTING: promote,
    Phase.BAKING: bake,
    Phase.ROLLING_BACK: roll_back,
}


def decide(
    name: str, spec: ModelDeploymentSpec, status: ModelDeploymentStatus, seen: Observation, now: datetime
) -> Decision:
    """The next status and what has to exist because of it. ``now`` is UTC; at most one transition per call."""
    turn = Turn(name, spec, seen, now)
    current = rebuild(turn) if status.phase is None else status
    move = current if isinstance(current, Move) else _advance(turn, current)
    after = with_templates(turn, told(turn, status, move))
    return Decision(
        status=after,
        plan=Plan() if move.frozen else plan(turn, after),
        events=(*events(status, after, move), *drift_told(status, after)),
        wake_at=_earliest(move.wake_at, *_drained_at(turn, after), next_hearing(turn, after)),
    )


def _advance(turn: Turn, status: ModelDeploymentStatus) -> Move:
    status = with_write_failures(turn, stable_clock(turn, forget_drained(turn, status)))
    status, move = heard(turn, forget_retry(turn, note_exposure(turn, status)))
    if move is not None:
        return move
    if status.candidate is None or status.phase is None:
        return intake(turn, status)
    if status.rollout is not None and status.rollout.outcome is Outcome.PROMOTED:
        return conclude(turn, status)
    if status.stable is None:
        return first_deployment(turn, status)
    return RULES.get(status.phase, watch_only)(turn, status)


def _drained_at(turn: Turn, status: ModelDeploymentStatus) -> list[datetime]:
    """When arms have drained; one whose deletion takes its time is looked at again at the usual pace."""
    due = [ref.until for ref in status.draining if ref.until is not None]
    return [until if until > turn.now else turn.soon() for until in due]


def _earliest(*times: datetime | None) -> datetime | None:
    return min((t for t in times if t is not None), default=None)
