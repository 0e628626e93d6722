"""Status is empty: is this new, or has the memory been lost? Rebuilt from the route and the records, never guessed."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus, RevisionRef, RolloutStatus, Weights
from serin.rollout.observation import Part, RecordView, RouteView
from serin.rollout.schedule import Schedule
from serin.rollout.turn import Move, Turn, changed, with_rollout
from serin.schema.reasons import Outcome, Phase, Reason

EMPTY = ModelDeploymentStatus()


def rebuild(turn: Turn) -> ModelDeploymentStatus | Move:
    """The status as far as the cluster remembers it; a frozen Move where the traces disagree."""
    seen = turn.seen
    blind = next((part for part in (Part.INFERENCE_SERVICES, Part.RECORDS) if part in seen.unknown), None)
    if blind is not None:
        message = (
            f"status is empty and {blind.value} cannot be read: {seen.unknown[blind].message}; nothing is touched, "
            f"traffic stays as it is"
        )
        refused = seen.unknown[blind].refused
        return Move(EMPTY, Reason.OBSERVATION_INCOMPLETE, message, turn.soon(), stalled=refused, frozen=True)
    if seen.route is not None and seen.route.stable is not None:
        return _from_route(turn, seen.route, seen.route.stable)
    stable = _last_stable(seen.records)
    if stable is not None:
        return changed(EMPTY, phase=Phase.WAITING, stable=stable, message="rebuilt from the records")
    strangers = [a for a in seen.arms.values() if not seen.wanted or a.ref.revision != seen.wanted.revision]
    if strangers:
        names = ", ".join(arm.ref.inference_service for arm in strangers)
        return _conflict(f"InferenceServices exist ({names}) but neither a route nor a record says what was stable")
    return changed(EMPTY, phase=Phase.PENDING)


def _from_route(turn: Turn, route: RouteView, stable_revision: str) -> ModelDeploymentStatus | Move:
    stable = _ref(turn, stable_revision)
    if stable is None:
        return _conflict(f"the route names stable revision {stable_revision}, but no InferenceService or record does")
    base = changed(EMPTY, phase=Phase.WAITING, stable=stable)
    newest = turn.seen.records[-1] if turn.seen.records else None
    if route.candidate is None and (newest is None or newest.finished or newest.stable is None):
        return base
    named = route.candidate or (newest.candidate.revision if newest else "")
    candidate = _ref(turn, named)
    record = next((r for r in reversed(turn.seen.records) if r.candidate.revision == named), None)
    if candidate is None or record is None:
        return _conflict(f"the route names candidate revision {named}, but its record or arm is missing")
    if record.stable is None or record.stable.revision != stable_revision:
        return _conflict(f"record {record.name} and the route disagree on which revision is stable")
    return _resumed(turn, changed(base, candidate=candidate), route, record)


def _resumed(turn: Turn, base: ModelDeploymentStatus, route: RouteView, record: RecordView) -> ModelDeploymentStatus:
    """The rollout goes on where its weight is; the step's time starts again, the evidence does not."""
    # A weight below what Serin wrote is a hand on the wheel: resumed as Serin left it, it is adopted as Abort at once.
    weight = route.weight if route.intended is None else route.intended
    message = f"status was lost; rebuilt from the route ({route.weight} % on the candidate) and record {record.name}"
    rollout = RolloutStatus(
        record=record.name,
        steps=len(record.policy.steps) if record.policy else 0,
        step=Schedule(record.policy).step_at(weight) if record.policy else 0,
        started_at=record.started_at,
        exposed_at=turn.now if weight or route.meant_to_expose else None,
        routed_at=turn.now if route.candidate else None,
        held=record.held,
        stable_replicas=turn.ready(base.stable),
        reason=Reason.STATE_REBUILT,
        message=message,
        since=turn.now.replace(microsecond=0),
    )
    status = changed(base, rollout=rollout, weights=Weights(desired=weight, applied=weight))
    if record.outcome is Outcome.PROMOTED:
        return with_rollout(
            changed(status, phase=Phase.PROMOTING),
            outcome=record.outcome,
            cause=record.reason,
            cause_message=message,
            decided_at=record.decided_at,
        )
    if record.finished:
        return with_rollout(
            changed(status, phase=Phase.ROLLING_BACK, weights=Weights(desired=0, applied=weight)),
            outcome=record.outcome,
            cause=record.reason,
            cause_message=message,
            decided_at=record.decided_at,
        )
    if weight == 0:
        return changed(status, phase=Phase.SHADOWING if route.meant_to_expose else Phase.PREPARING)
    late = weight == 100 or (record.policy is not None and weight >= record.policy.last_weight)  # noqa: PLR2004
    return changed(status, phase=Phase.PROMOTING if late else Phase.PROGRESSING)


def _ref(turn: Turn, revision: str) -> RevisionRef | None:
    arm = turn.seen.arms.get(revision)
    if arm is not None:
        return arm.ref
    for record in reversed(turn.seen.records):
        for ref in (record.candidate, record.stable):
            if ref is not None and ref.revision == revision:
                return ref
    return None


def _last_stable(records: tuple[RecordView, ...]) -> RevisionRef | None:
    """What the newest record leaves as stable."""
    if not records:
        return None
    newest = records[-1]
    return newest.candidate if newest.outcome is Outcome.PROMOTED else newest.stable


def _conflict(what: str) -> Move:
    message = f"status is lost and {what}; nothing is touched, traffic stays as it is; see the runbook on lost status"
    return Move(EMPTY, Reason.STATE_CONFLICT, message, stalled=True, frozen=True)
