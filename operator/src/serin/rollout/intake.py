"""What happens when no rollout is under way? Settle, refuse, wait, or start one."""

from __future__ import annotations

from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.reasons import Phase, Reason
from serin.api.revision import inference_service_name
from serin.api.status import ModelDeploymentStatus, RevisionRef, RolloutStatus, Weights
from serin.rollout.actions import remembered
from serin.rollout.bake import promoted
from serin.rollout.gates import first
from serin.rollout.observation import Problem
from serin.rollout.turn import Move, Turn, changed, enter, with_rollout, with_weight


def intake(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """No candidate: is the revision in spec stable, refused, or the next candidate?"""
    wanted, stable = turn.seen.wanted, status.stable
    if wanted is None:
        problem = turn.seen.problem or Problem(Reason.SPEC_INVALID, "spec cannot be used")
        phase = Phase.STABLE if stable else Phase.PENDING
        return Move(enter(status, phase), problem.reason, problem.message, stalled=True)
    if stable is None:
        return _start(turn, status, wanted, None)
    if wanted.revision == stable.revision:
        return _settled(turn, status, stable)
    return first((_refused, _not_now), turn, status) or _start(turn, status, wanted, _policy(turn))


def _settled(turn: Turn, status: ModelDeploymentStatus, stable: RevisionRef) -> Move:
    """Spec asks for what is stable; a restored one first needs ready endpoints for its route."""
    status = enter(status, Phase.STABLE)
    if turn.ready(stable) == 0:
        arm = turn.arm(stable)
        why = f": {arm.failure.message}" if arm and arm.failure else ""
        message = f"version {stable.version} is stable but has no ready endpoint{why}"
        return Move(status, Reason.STABLE_NOT_READY, message, turn.soon(), stalled=True)
    route = turn.seen.route
    if route is None or not route.accepted:
        why = f": {route.message}" if route is not None and route.message else ""
        message = f"version {stable.version} is ready; the gateway has not accepted its route{why}"
        return Move(status, Reason.WAITING_FOR_ROUTE, message, turn.soon())
    return Move(status, Reason.SERVING, f"version {stable.version} serves all traffic")


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
    """A rollout is wanted but may not start yet."""
    waiting = enter(status, Phase.WAITING)
    if turn.spec.paused:
        message = "spec.paused is true: no new rollout; set it to false to go on"
        return Move(waiting, Reason.PAUSED, message)
    if isinstance(turn.seen.policy, Problem):
        return Move(waiting, turn.seen.policy.reason, turn.seen.policy.message, stalled=True)
    if turn.ready(status.stable) == 0:
        message = "stable has no ready endpoint: there is nothing to compare with and nowhere to go back to"
        return Move(waiting, Reason.WAITING_FOR_CAPACITY, message, turn.soon())
    route = turn.seen.route
    if route is None or not route.accepted:
        why = f": {route.message}" if route is not None and route.message else ""
        message = f"the gateway has not accepted the route{why}; no rollout starts on it"
        return Move(waiting, Reason.WAITING_FOR_ROUTE, message, turn.soon())
    return None


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
        steps=len(policy.steps) if policy else 0,
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
    if wanted is not None and candidate is not None and wanted.revision != candidate.revision and route is None:
        gone = candidate.model_copy(update={"until": turn.now})
        return _start(turn, changed(status, draining=[*status.draining, gone]), wanted, None)
    arm = turn.arm(candidate)
    if arm is None or arm.ready == 0:
        return _not_up(turn, status)
    if turn.record(status) is None:
        return Move(status, Reason.FIRST_DEPLOYMENT, "the PromotionRecord is being created", turn.soon())
    serving = with_weight(enter(status, Phase.PREPARING), 100)
    if route is None or not route.accepted or candidate is None or route.stable != candidate.revision:
        why = f": {route.message}" if route is not None and route.message else ""
        message = f"version {arm.ref.version} is ready; the gateway has not yet accepted its route{why}"
        return Move(serving, Reason.WAITING_FOR_ROUTE, message, turn.soon())
    return promoted(turn, serving)


def _not_up(turn: Turn, status: ModelDeploymentStatus) -> Move:
    arm, version = turn.arm(status.candidate), status.candidate.version if status.candidate else "?"
    if turn.seen.problem is not None and turn.seen.problem.reason is Reason.RENDER_REFUSED:
        problem = turn.seen.problem
        return Move(enter(status, Phase.PENDING), problem.reason, problem.message, turn.soon(), stalled=True)
    if arm is not None and arm.failure is not None:
        message = f"version {version} does not come up: {arm.failure.message}"
        final = arm.failure.final
        phase = Phase.PENDING if final else Phase.PREPARING
        return Move(enter(status, phase), arm.failure.reason, message, turn.soon(), stalled=final)
    message = f"version {version} is the first; it serves as soon as it is ready"
    return Move(enter(status, Phase.PREPARING), Reason.FIRST_DEPLOYMENT, message, turn.soon())


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
    given = max(*weights, route.weight if route else 0, 0)
    return with_rollout(status, exposed_at=rollout.started_at) if given else status


def keep_scaling_in_view(status: ModelDeploymentStatus, turn: Turn) -> ModelDeploymentStatus:
    """R0 follows stable upwards: if stable was scaled out during the rollout, the candidate needs as much."""
    if status.rollout is None or status.stable is None:
        return status
    ready = turn.ready(status.stable)
    if ready <= status.rollout.stable_replicas:
        return status
    return with_rollout(status, stable_replicas=ready)
