"""Gates of the cluster: is everything known, written, accepted and large enough for a forward move?"""

from __future__ import annotations

from datetime import timedelta

from serin.api.status import ModelDeploymentStatus
from serin.rollout.capacity import full_size, needed, next_share, whole_size
from serin.rollout.observation import Part
from serin.rollout.turn import (
    Move,
    Turn,
    exposure,
    failed_write,
    rollout_of,
    weights_of,
    with_rollout,
)
from serin.schema.reasons import Phase, Reason

ROUTE_SETTLES = timedelta(seconds=2)
WRITES_THAT_HOLD = frozenset({"HTTPRoute", "PromotionRecord", "InferenceService", "Scaling"})


def something_unknown(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """Nothing moves forward on what could not be read."""
    part = next((part for part in Part if part in turn.seen.unknown), None)
    if part is None:
        return None
    found = turn.seen.unknown[part]
    message = (
        f"{part.value} cannot be read: {found.message}; nothing moves forward on what is unknown, "
        f"{weights_of(status).desired} % stay on the candidate; the breach watch goes on"
    )
    return Move(status, Reason.OBSERVATION_INCOMPLETE, message, turn.soon(), stalled=found.refused)


def write_failed(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """What was decided could not be written."""
    failure = failed_write(status, *WRITES_THAT_HOLD)
    if failure is None:
        return None
    message = f"{failure.message}; nothing moves forward until it can be written"
    stalled = failure.reason is not Reason.WRITE_UNAVAILABLE
    return Move(status, failure.reason, message, turn.soon(), stalled=stalled)


def policy_lost(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """Without the snapshot nobody knows what passing means; somebody's Promote needs no policy."""
    record = turn.record(status)
    if rollout_of(status).promote is not None:
        return None
    if record is not None and record.unreadable:
        message = (
            f"the policy in PromotionRecord {record.name} cannot be read by this version of Serin: "
            f"{record.unreadable}; nothing moves forward; go back to the newer version, or end the rollout by a "
            f"PromotionAction Abort"
        )
        return Move(status, Reason.POLICY_INVALID, message, turn.next_look(), stalled=True)
    begun_without = record is not None and record.policy is None and turn.seen.snapshot is None
    if begun_without:
        message = (
            f"the rollout began in an outage, without a policy (PromotionRecord {rollout_of(status).record}); nothing "
            f"moves forward by steps; a PromotionAction Promote lets it serve, an Abort ends it"
        )
        return Move(status, Reason.POLICY_MISSING, message, turn.soon(), stalled=True)
    if turn.policy(status) is not None:
        return None
    message = "neither the record nor the live PromotionPolicy says how to judge; nothing moves forward"
    return Move(status, Reason.POLICY_MISSING, message, turn.soon(), stalled=True)


def record_missing(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """No request of a client reaches a candidate without a record."""
    rollout = rollout_of(status)
    if turn.record(status) is not None:
        return None
    if rollout.exposed:
        message = (
            f"PromotionRecord {rollout.record} is gone; nothing moves forward without it; the watch goes on; restore "
            f"it from a backup, or end this rollout (a PromotionAction Abort, or another revision in spec)"
        )
        return Move(status, Reason.STATE_CONFLICT, message, turn.next_look(), stalled=True)
    return Move(status, Reason.PREPARING_CANDIDATE, "the PromotionRecord is being created", turn.soon())


def route_pending(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The gateway must have accepted what was decided last."""
    if shown(turn, status):
        return None
    route = turn.seen.route
    why = f": {route.message}" if route is not None and route.message else ""
    what = "the route of the shadow" if status.phase is Phase.SHADOWING else f"{weights_of(status).desired} %"
    return Move(status, Reason.WAITING_FOR_ROUTE, f"the gateway has not yet accepted {what}{why}", turn.soon())


def candidate_not_up(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The candidate has too few ready replicas for its next share of the requests."""
    weight = next_share(turn, status)
    need, have = needed(weight, full_size(turn, status)), turn.ready(status.candidate)
    if have >= need:
        return None
    arm = turn.arm(status.candidate)
    failure = arm.failure if arm is not None else None
    trouble = f"; {failure.message}" if failure is not None else ""
    message = f"the candidate has {have} ready of the {need} that {weight} % need{trouble}"
    reason = Reason.WAITING_FOR_CAPACITY if rollout_of(status).exposed else Reason.PREPARING_CANDIDATE
    if failure is not None and not failure.own:
        reason = failure.reason
    return Move(status, reason, message, turn.soon())


def stable_too_small(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """Stable must be whole before anything moves: it is where a rollback goes."""
    have, need = turn.ready(status.stable), whole_size(turn, status)
    if have >= need:
        return None
    message = f"stable has {have} ready of {need} replicas; nothing moves forward until it is whole"
    return Move(status, Reason.WAITING_FOR_CAPACITY, message, turn.soon())


def not_routed(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The gateway must know the candidate's endpoints before it sends anything there.

    A route and the endpoints behind it reach the data plane separately: named at 0 % first, and given time to
    arrive, the first weight finds them (measured: a first weight without this met a 503).
    """
    route, rollout = turn.seen.route, rollout_of(status)
    named = route is not None and status.candidate is not None and route.candidate == status.candidate.revision
    if route is None or not named or not route.accepted:
        why = f": {route.message}" if route is not None and named and route.message else ""
        return Move(status, Reason.WAITING_FOR_ROUTE, f"the gateway is told of the candidate, at 0 %{why}", turn.soon())
    routed_at = rollout.routed_at or turn.now
    if turn.now >= routed_at + ROUTE_SETTLES:
        return None
    message = "the candidate's endpoints are on their way to the gateway"
    waiting = with_rollout(status, routed_at=routed_at)
    return Move(waiting, Reason.WAITING_FOR_ROUTE, message, routed_at + ROUTE_SETTLES)


def shown(turn: Turn, status: ModelDeploymentStatus) -> bool:
    """Whether the gateway has accepted a route that shows what was decided last."""
    route = turn.seen.route
    if route is None or not route.accepted or route.weight != weights_of(status).desired:
        return False
    return status.phase is not Phase.SHADOWING or route.exposes == exposure(turn, status)
