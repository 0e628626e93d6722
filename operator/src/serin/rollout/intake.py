"""What happens when no rollout is under way? Settle, refuse, wait, or start one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.revision import inference_service_name
from serin.api.status import ModelDeploymentStatus, RevisionRef, RolloutStatus, Weights
from serin.rollout.actions import remembered
from serin.rollout.bake import promoted
from serin.rollout.cluster_gates import WRITES_THAT_HOLD
from serin.rollout.cure import DOWN_FOR, stable_down
from serin.rollout.forward import first
from serin.rollout.gates import DEFAULT_PATIENCE
from serin.rollout.observation import Part, Problem
from serin.rollout.schedule import EVERYTHING, Schedule
from serin.rollout.turn import (
    Move,
    Turn,
    changed,
    enter,
    failed_write,
    rollout_of,
    weight_on,
    whole_second,
    with_draining,
    with_rollout,
    with_weight,
)
from serin.schema.reasons import Phase, Reason
from serin.schema.types import format_time

NEEDED_TO_START = (Part.RECORDS, Part.INFERENCE_SERVICES, Part.ACTIONS, Part.HOSTNAMES)
ROUTE_SETTLES = timedelta(seconds=30)
"""So long after the end of a rollout the gateway may take to work with the last change of the route."""
ROUTE_PATIENCE = timedelta(minutes=2)
"""So long the gateway may take to accept a route before a person is asked to look at it."""
ASKED_AGAIN = frozenset(
    {Reason.RENDER_REFUSED, Reason.QUOTA_EXCEEDED, Reason.PERMISSION_MISSING, Reason.WRITE_UNAVAILABLE}
)
"""What the API server said of the InferenceService that spec asks for, and may say otherwise without an event."""
REFUSED_AGAIN = timedelta(seconds=30)
"""How often the API server is asked again whether it takes what it refused."""


def intake(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """No candidate: is the revision in spec stable, refused, or the next candidate?"""
    wanted, stable = turn.seen.wanted, status.stable
    if wanted is None:
        problem = turn.seen.problem or Problem(Reason.SPEC_INVALID, "spec cannot be used")
        phase = Phase.STABLE if stable else Phase.PENDING
        wake = turn.now + REFUSED_AGAIN if problem.reason in ASKED_AGAIN else None
        return Move(enter(status, phase), problem.reason, problem.message, wake, stalled=True)
    if stable is None:
        return first((_unknown,), turn, status) or _start(turn, status, wanted, None)
    if wanted.revision == stable.revision:
        return _settled(turn, status, stable)
    checks = (_refused, _unknown, _not_now, _backing_off)
    return first(checks, turn, status) or _start(turn, status, wanted, _policy(turn))


def _settled(turn: Turn, status: ModelDeploymentStatus, stable: RevisionRef) -> Move:
    """Spec asks for what is stable; a restored one first needs ready endpoints for its route."""
    status = enter(status, Phase.STABLE)
    if turn.dead(stable):
        arm = turn.arm(stable)
        why = f": {arm.failure.message}" if arm and arm.failure else ""
        message = f"version {stable.version} is stable but has no ready endpoint{why}"
        return Move(status, Reason.STABLE_NOT_READY, message, turn.soon(), stalled=True)
    failure = failed_write(status, *WRITES_THAT_HOLD)
    if failure is not None:
        message = f"version {stable.version} serves; {failure.message}"
        return Move(status, failure.reason, message, turn.soon(), stalled=True)
    part = next((part for part in (Part.ENDPOINTS, Part.HOSTNAMES) if part in turn.seen.unknown), None)
    if part is not None:
        found = turn.seen.unknown[part]
        message = f"version {stable.version} is stable; {part.value} cannot be read: {found.message}"
        return Move(status, Reason.OBSERVATION_INCOMPLETE, message, turn.soon(), stalled=found.refused)
    route = turn.seen.route
    fresh = stable.since is not None and turn.now - stable.since < ROUTE_SETTLES
    if route is None or (not route.accepted and not (route.pending and fresh)):
        why = f": {route.message}" if route is not None and route.message else ""
        message = f"version {stable.version} is ready; the gateway has not accepted its route{why}"
        return _route_wait(turn, status, message)
    wake = None if route.accepted else turn.soon()
    return Move(status, Reason.SERVING, f"version {stable.version} serves all traffic", wake)


def _route_wait(turn: Turn, status: ModelDeploymentStatus, message: str) -> Move:
    """A hold for the gateway's word; when it lasts, a person is needed."""
    since = status.since if status.reason is Reason.WAITING_FOR_ROUTE and status.since else turn.now
    stalled = turn.now - since >= ROUTE_PATIENCE
    return Move(status, Reason.WAITING_FOR_ROUTE, message, turn.soon(), stalled=stalled)


def _unknown(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """Without the records nobody knows what was refused before, nor which attempt this would be."""
    part = next((part for part in NEEDED_TO_START if part in turn.seen.unknown), None)
    if part is None:
        return None
    found = turn.seen.unknown[part]
    message = f"{part.value} cannot be read: {found.message}; no rollout starts on what is unknown"
    phase = Phase.WAITING if status.stable is not None else Phase.PENDING
    return Move(enter(status, phase), Reason.OBSERVATION_INCOMPLETE, message, turn.soon(), stalled=found.refused)


def _refused(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """A rejected revision is refused until spec changes; the records are the memory."""
    wanted = turn.seen.wanted
    record = turn.seen.rejection(wanted.revision) if wanted else None
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
    wake = None if turn.ready(status.stable) else turn.soon()
    return Move(enter(status, Phase.ROLLED_BACK), Reason.REVISION_REJECTED, message, wake, stalled=True)


def _not_now(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """A rollout is wanted but may not start yet. While stable is down, only somebody's word keeps a cure from it.

    Before ``DOWN_FOR`` is over it comes up already, where there is a policy: it gets no traffic by that.
    """
    waiting, dead = enter(status, Phase.WAITING), turn.dead(status.stable)
    if turn.spec.paused:
        message = "spec.paused is true: no new rollout; set it to false to go on"
        return Move(waiting, Reason.PAUSED, message, turn.soon() if dead else None, stalled=dead)
    if isinstance(turn.seen.policy, Problem) and not stable_down(turn, status):
        problem = turn.seen.policy
        wake = (status.stable_down_since or turn.now) + DOWN_FOR if dead else None
        return Move(waiting, problem.reason, problem.message, wake, stalled=True)
    route = turn.seen.route
    if not dead and (route is None or not route.accepted):
        why = f": {route.message}" if route is not None and route.message else ""
        message = f"the gateway has not accepted the route{why}; no rollout starts on it"
        return _route_wait(turn, waiting, message)
    return None


def _backing_off(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The last attempt ended for a cause outside the revision: the next one begins by itself, after a pause."""
    wanted = turn.seen.wanted
    retry = turn.seen.retry_at(wanted.revision) if wanted is not None else None
    asked = wanted is not None and status.retry is not None and status.retry.revision == wanted.revision
    if retry is None or wanted is None or asked or turn.now >= retry[1]:
        return None
    record, at = retry
    reason = record.reason or Reason.PREPARING_CANDIDATE
    message = (
        f"version {wanted.version} could not be rolled out ({reason.value}), and not for its own fault; it is tried "
        f"again at {format_time(whole_second(at))}, or at once by a PromotionAction Retry for revision "
        f"{wanted.revision}; see PromotionRecord {record.name}"
    )
    return Move(enter(status, Phase.WAITING), reason, message, at, stalled=True)


def _policy(turn: Turn) -> PromotionPolicySpec | None:
    return turn.seen.policy if isinstance(turn.seen.policy, PromotionPolicySpec) else None


def _start(turn: Turn, status: ModelDeploymentStatus, wanted: RevisionRef, policy: PromotionPolicySpec | None) -> Move:
    """A new rollout (or the first deployment): the candidate's name, the record's name, R0."""
    attempt, returning = turn.seen.next_attempt, _returning(turn, status, wanted)
    message = (
        f"version {wanted.version} comes up without traffic{'; it was stable before, so it needs no steps' * returning}"
        if status.stable
        else f"version {wanted.version} is the first; it serves as soon as it is ready"
    )
    reason = Reason.RETURNING if returning else Reason.PREPARING_CANDIDATE
    reason = reason if status.stable else Reason.FIRST_DEPLOYMENT
    rollout = RolloutStatus(
        record=f"{inference_service_name(turn.name, wanted.revision)}-{attempt}",
        steps=Schedule(policy).count if policy else 0,
        returning=returning,
        started_at=turn.now.replace(microsecond=0),
        stable_replicas=turn.ready(status.stable),
        reason=reason,
        message=message,
        since=turn.now.replace(microsecond=0),
    )
    kept = [ref for ref in status.draining if ref.revision != wanted.revision]
    asked = status.retry.asked.model_copy(update={"rollout": rollout.record}) if status.retry else None
    after = changed(
        status,
        phase=Phase.PREPARING,
        candidate=wanted,
        rollout=rollout,
        weights=Weights(),
        draining=kept,
        retry=None,
        actions=remembered(turn, status.actions, asked) if asked else status.actions,
        rejected=[r for r in status.rejected if r.revision != wanted.revision],
    )
    return Move(after, reason, message, turn.soon())


def _returning(turn: Turn, status: ModelDeploymentStatus, wanted: RevisionRef) -> bool:
    """Whether spec goes back to what was stable before, and not too long ago."""
    previous = status.previous
    if status.stable is None or previous is None or previous.revision != wanted.revision:
        return False
    if status.retry is not None:  # it was taken back since: what it did long ago proves nothing
        return False
    return previous.until is None or turn.now < previous.until


def first_deployment(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """Nothing is stable yet: no steps, but never a route to what cannot answer."""
    candidate, wanted, route = status.candidate, turn.seen.wanted, turn.seen.route
    unknown = _unknown(turn, status)
    if wanted is not None and candidate is not None and wanted.revision != candidate.revision and unknown is None:
        gone = candidate.model_copy(update={"until": turn.now})
        return _start(turn, changed(status, draining=with_draining(status, gone)), wanted, None)
    failure = failed_write(status, *WRITES_THAT_HOLD)
    if failure is not None:
        return Move(status, failure.reason, f"{failure.message}; nothing serves yet", turn.soon(), stalled=True)
    arm = turn.arm(candidate)
    if arm is None or arm.ready == 0:
        return unknown or _not_up(turn, status)
    if turn.record(status) is None:
        message = "the PromotionRecord is being created"
        return unknown or _overdue(turn, Move(status, Reason.FIRST_DEPLOYMENT, message, turn.soon()))
    serving = with_weight(enter(status, Phase.PREPARING), EVERYTHING)
    if route is None or not route.accepted or candidate is None or route.stable != candidate.revision:
        why = f": {route.message}" if route is not None and route.message else ""
        message = f"version {arm.ref.version} is ready; the gateway has not yet accepted its route{why}"
        return unknown or _route_wait(turn, serving, message)
    return promoted(turn, serving)


def _overdue(turn: Turn, move: Move) -> Move:
    """The hold of a first deployment; when it lasts, a person is needed."""
    lasted = turn.now - rollout_of(move.status).started_at
    return replace(move, stalled=move.stalled or lasted >= DEFAULT_PATIENCE)


def _not_up(turn: Turn, status: ModelDeploymentStatus) -> Move:
    arm, version = turn.arm(status.candidate), status.candidate.version if status.candidate else "?"
    if turn.seen.problem is not None and turn.seen.wanted is None:
        problem = turn.seen.problem
        return Move(enter(status, Phase.PENDING), problem.reason, problem.message, turn.soon(), stalled=True)
    if arm is not None and arm.failure is not None:
        message = f"version {version} does not come up: {arm.failure.message}"
        final = arm.failure.final
        phase = Phase.PENDING if final else Phase.PREPARING
        return _overdue(turn, Move(enter(status, phase), arm.failure.reason, message, turn.soon(), stalled=final))
    message = f"version {version} is the first; it serves as soon as it is ready"
    return _overdue(turn, Move(enter(status, Phase.PREPARING), Reason.FIRST_DEPLOYMENT, message, turn.soon()))


def forget_drained(turn: Turn, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """Arms whose time is over and whose InferenceService is gone are no longer listed."""
    kept = [
        ref
        for ref in status.draining
        if (ref.until is not None and ref.until > turn.now) or ref.revision in turn.seen.arms
    ]
    return status if kept == list(status.draining) else changed(status, draining=kept)


def forget_retry(turn: Turn, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """A Retry is for the revision that spec asked for then; if spec has moved on, it is over."""
    wanted, retry = turn.seen.wanted, status.retry
    stale = retry is not None and wanted is not None and wanted.revision != retry.revision
    return changed(status, retry=None) if stale else status


def note_exposure(turn: Turn, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """A rollout that an earlier Serin began does not say that its candidate got requests; its weight does."""
    rollout, route = status.rollout, turn.seen.route
    if rollout is None or rollout.exposed_at is not None or status.stable is None:
        return status
    weights = (status.weights.applied, status.weights.desired) if status.weights else ()
    given = max(*weights, weight_on(route, status.candidate), 0)
    return with_rollout(status, exposed_at=rollout.started_at) if given else status
