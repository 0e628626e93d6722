"""What may hold a forward move? One function per gate, and one ordered table that says in which phases each holds.

A gate only holds: it answers None when it is open, and otherwise the Move that says why nothing moves. What takes the
candidate back are the rules of ``takeback``, which no gate can switch off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum

from serin.api.promotion_policy import Exposure
from serin.api.reasons import Phase, Reason
from serin.api.status import ModelDeploymentStatus
from serin.api.types import format_time
from serin.rollout.capacity import full_size, needed, next_share, whole_size
from serin.rollout.drift import template_drift
from serin.rollout.evidence_gates import bake_time, step_time, traffic_split, undecided
from serin.rollout.observation import Part
from serin.rollout.phases import LATE
from serin.rollout.turn import Move, Turn, exposure, rollout_of, weights_of, with_rollout

Check = Callable[[Turn, ModelDeploymentStatus], Move | None]
PREPARE = frozenset({Phase.PREPARING})
SHADOW = frozenset({Phase.SHADOWING})
STEPS = frozenset({Phase.PROGRESSING})
BAKE = frozenset({Phase.BAKING})
JUDGED = SHADOW | STEPS | BAKE
EVERY = PREPARE | JUDGED | LATE
DEFAULT_PATIENCE = timedelta(minutes=10)
"""How long the cluster may hold a rollout before it asks for a person, where no policy says it."""
ROUTE_SETTLES = timedelta(seconds=2)
WRITES_THAT_HOLD = frozenset({"HTTPRoute", "PromotionRecord", "InferenceService", "Scaling"})


class Holds(Enum):
    """Who keeps a gate shut; it decides what becomes of a hold that lasts."""

    CLUSTER = "Cluster"
    """Something in the cluster: it asks for a person when it lasts, and ends a candidate that never gets ready."""
    EVIDENCE = "Evidence"
    """The evidence, or its time: the step's timeout is its end. A person's Promote takes its place."""
    PERSON = "Person"
    """Somebody's word: it lasts as long as they wish."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A check and the phases in which it holds."""

    check: Check
    phases: frozenset[Phase]
    holds: Holds


# --- the cluster -----------------------------------------------------------------------------------------------------


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
    failure = next((f for f in status.write_failures if f.act in WRITES_THAT_HOLD), None)
    if failure is None:
        return None
    message = f"{failure.message}; nothing moves forward until it can be written"
    stalled = failure.reason is not Reason.WRITE_UNAVAILABLE
    return Move(status, failure.reason, message, turn.soon(), stalled=stalled)


def policy_lost(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """Without the snapshot nobody knows what passing means."""
    record = turn.record(status)
    if record is not None and record.unreadable:
        message = (
            f"the policy in PromotionRecord {record.name} cannot be read by this version of Serin: "
            f"{record.unreadable}; nothing moves forward; go back to the newer version, or end the rollout by a "
            f"PromotionAction Abort"
        )
        return Move(status, Reason.POLICY_INVALID, message, turn.next_look(), stalled=True)
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


# --- people ----------------------------------------------------------------------------------------------------------


def paused(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """No forward move while spec.paused."""
    if not turn.spec.paused:
        return None
    message = f"spec.paused is true: {weights_of(status).desired} % stay on the candidate; set it to false to go on"
    return Move(status, Reason.PAUSED, message, turn.next_look())


def held(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """No forward move while somebody holds the rollout by a PromotionAction."""
    hold = rollout_of(status).held
    if hold is None:
        return None
    why = f": {hold.reason}" if hold.reason else ""
    message = (
        f"held by {hold.by}{why}; {weights_of(status).desired} % stay on the candidate; a PromotionAction Release lets "
        f"it go on"
    )
    return Move(status, Reason.HELD, message, turn.next_look())


def preview_time(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """Those who try the candidate by the header have their time."""
    policy, begun = turn.policy(status), rollout_of(status).step_started_at
    if policy is None or policy.preview is None:
        return None
    until = (begun or turn.now) + policy.preview.for_
    if turn.now >= until:
        return None
    message = f"{describe_shadow(turn, status)}; the preview lasts until {format_time(until.replace(microsecond=0))}"
    return Move(status, Reason.PREVIEWING, message, min(until, turn.next_look()))


def only_mirrored(check: Check) -> Check:
    """``check``, where a mirror brings evidence: testers of a preview may send nothing at all, or nonsense."""

    def asked(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
        policy = turn.policy(status)
        mirrored = status.phase is not Phase.SHADOWING or (policy is not None and policy.shadow is not None)
        return check(turn, status) if mirrored else None

    return asked


GATES: tuple[Gate, ...] = (
    # A part of the cluster cannot be read: what it would say is not guessed.
    Gate(something_unknown, EVERY, Holds.CLUSTER),
    # A quota, a webhook or a missing right refuses what the rollout needs.
    Gate(write_failed, EVERY, Holds.CLUSTER),
    # The gateway works with another weight than the decided one.
    Gate(route_pending, JUDGED | LATE, Holds.CLUSTER),
    # The evidence would have no place.
    Gate(record_missing, EVERY, Holds.CLUSTER),
    # Nobody knows what passing means.
    Gate(policy_lost, PREPARE | JUDGED, Holds.CLUSTER),
    # The pods are not those that the evidence is of.
    Gate(template_drift, JUDGED, Holds.CLUSTER),
    # An SLO that decides has not passed.
    Gate(only_mirrored(undecided), JUDGED, Holds.EVIDENCE),
    # Clients reach the arms in another way than by the route.
    Gate(traffic_split, STEPS | BAKE, Holds.EVIDENCE),
    # The step, the shadow or the bake has not lasted long enough.
    Gate(only_mirrored(step_time), SHADOW | STEPS, Holds.EVIDENCE),
    Gate(preview_time, SHADOW, Holds.EVIDENCE),
    Gate(bake_time, BAKE, Holds.EVIDENCE),
    # Before the first weight: the candidate comes up, stable is whole, the gateway knows the candidate's endpoints.
    Gate(candidate_not_up, PREPARE, Holds.CLUSTER),
    Gate(stable_too_small, PREPARE, Holds.CLUSTER),
    Gate(not_routed, PREPARE, Holds.CLUSTER),
    # Somebody wants it to stay where it is.
    Gate(paused, EVERY, Holds.PERSON),
    Gate(held, EVERY, Holds.PERSON),
    # Whoever gets more traffic can carry it, and whoever takes it back can, too.
    Gate(stable_too_small, JUDGED, Holds.CLUSTER),
    Gate(candidate_not_up, JUDGED, Holds.CLUSTER),
)
"""In order: the first that holds says why. Each phase asks those that name it."""
FINAL_GATES: tuple[Gate, ...] = tuple(
    gate
    for gate in GATES
    if gate.check in {something_unknown, write_failed, route_pending, record_missing, paused, held}
)
"""Before the candidate is stable and the old revision goes, which nothing brings back."""
RESUME_GATES: tuple[Gate, ...] = tuple(
    gate for gate in GATES if gate.check in {something_unknown, write_failed, record_missing, paused, held}
)
"""Before a candidate that was without endpoints gets back the weight that it had."""


def first_hold(turn: Turn, status: ModelDeploymentStatus, gates: tuple[Gate, ...] = GATES) -> Move | None:
    """What the first gate of the phase that holds says; None when all are open."""
    ordered = rollout_of(status).promote is not None
    for gate in gates:
        if status.phase not in gate.phases or (ordered and gate.holds is Holds.EVIDENCE):
            continue
        move = gate.check(turn, status)
        if move is not None:
            return _timed(turn, move, gate.holds)
    return None


def _timed(turn: Turn, move: Move, holds: Holds) -> Move:
    """The hold with the time since when the cluster has been in the way; when that lasts, a person is needed."""
    if holds is not Holds.CLUSTER:
        return replace(move, status=with_rollout(move.status, blocked_since=None))
    since = rollout_of(move.status).blocked_since or turn.now.replace(microsecond=0)
    lasting = turn.now - since >= patience(turn, move.status)
    return replace(move, status=with_rollout(move.status, blocked_since=since), stalled=move.stalled or lasting)


def patience(turn: Turn, status: ModelDeploymentStatus) -> timedelta:
    """How long the cluster may be in the way."""
    policy = turn.policy(status)
    return policy.prepare_timeout if policy is not None else DEFAULT_PATIENCE


def shown(turn: Turn, status: ModelDeploymentStatus) -> bool:
    """Whether the gateway has accepted a route that shows what was decided last."""
    route = turn.seen.route
    if route is None or not route.accepted or route.weight != weights_of(status).desired:
        return False
    return status.phase is not Phase.SHADOWING or route.exposes == exposure(turn, status)


def step_clock(turn: Turn, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """The step's time starts when the gateway has accepted what the phase is about: its weight, or its mirror.

    A candidate without endpoints has no weight meanwhile, and the gateway's word for that begins nothing.
    """
    rollout = rollout_of(status)
    if rollout.step_started_at is None and rollout.interruption is None and shown(turn, status):
        return with_rollout(status, step_started_at=turn.now)
    return status


def describe_shadow(turn: Turn, status: ModelDeploymentStatus) -> str:
    """How the candidate is reached before its first weight."""
    policy, version = turn.policy(status), status.candidate.version if status.candidate else "?"
    ways = policy.exposure if policy is not None else frozenset()
    if policy is None or policy.preview is None or Exposure.PREVIEW not in ways:
        return f"shadow: every request is mirrored to version {version}"
    header = policy.preview.header
    return f"preview: requests with {header.name}: {header.value} reach version {version}"
