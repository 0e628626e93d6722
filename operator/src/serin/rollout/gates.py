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
from serin.api.status import ModelDeploymentStatus
from serin.rollout.cluster_gates import (
    candidate_not_up,
    not_routed,
    policy_lost,
    record_missing,
    route_pending,
    shown,
    something_unknown,
    stable_too_small,
    write_failed,
)
from serin.rollout.drift import template_drift
from serin.rollout.evidence_gates import bake_time, step_time, traffic_split, undecided
from serin.rollout.phases import LATE
from serin.rollout.turn import Move, Turn, rollout_of, weights_of, with_rollout
from serin.schema.reasons import Phase, Reason
from serin.schema.types import format_time

Check = Callable[[Turn, ModelDeploymentStatus], Move | None]
PREPARE = frozenset({Phase.PREPARING})
SHADOW = frozenset({Phase.SHADOWING})
STEPS = frozenset({Phase.PROGRESSING})
BAKE = frozenset({Phase.BAKING})
JUDGED = SHADOW | STEPS | BAKE
EVERY = PREPARE | JUDGED | LATE
DEFAULT_PATIENCE = timedelta(minutes=10)
"""How long the cluster may hold a rollout before it asks for a person, where no policy says it."""


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
