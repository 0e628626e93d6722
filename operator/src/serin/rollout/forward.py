"""How does a rollout go forward? Ready and recorded, then step by step; nothing moves while a gate holds."""

from __future__ import annotations

from datetime import timedelta

from serin.api.reasons import Phase, Reason
from serin.api.status import ModelDeploymentStatus
from serin.api.types import format_time
from serin.rollout.drift import template_drift
from serin.rollout.gates import (
    Gate,
    candidate_not_up,
    first,
    held,
    next_weight,
    paused,
    policy_lost,
    record_missing,
    route_pending,
    stable_too_small,
    step_clock,
    step_time,
    traffic_split,
    undecided,
    where,
)
from serin.rollout.takeback import TAKE_BACK, superseded, take_back, unknown_clock, unknown_too_long
from serin.rollout.turn import Move, Turn, enter, rollout_of, with_rollout, with_weight

ROUTE_SETTLES = timedelta(seconds=2)


def cannot_start(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """The candidate will not come up."""
    arm = turn.arm(status.candidate)
    if arm is not None and arm.failure is not None and arm.failure.final:
        return take_back(turn, status, arm.failure.reason, arm.failure.message)
    return None


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


UP = (
    superseded,
    cannot_start,
    record_missing,
    policy_lost,
    candidate_not_up,
    stable_too_small,
    not_routed,
    paused,
    held,
)
"""What must be in order before the candidate is sent the first request."""


def prepare(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """Preparing: ready, recorded, routed, then the shadow or the first step."""
    return first(UP, turn, status) or _begin(turn, status)


def _begin(turn: Turn, status: ModelDeploymentStatus) -> Move:
    policy = turn.policy(status)
    if policy is None or not policy.exposure or rollout_of(status).returning:
        return _next_step(turn, status)
    after = with_rollout(enter(status, Phase.SHADOWING), exposed_at=turn.now, step_started_at=None)
    reason = Reason.SHADOWING if policy.shadow else Reason.PREVIEWING
    return Move(after, reason, _shadow_words(turn, after), turn.soon())


# --- Shadowing: requests, but no client's answer depends on the candidate ---------------------------------------------


def _shadow_words(turn: Turn, status: ModelDeploymentStatus) -> str:
    policy, version = turn.policy(status), status.candidate.version if status.candidate else "?"
    if policy is None or policy.preview is None:
        return f"shadow: every request is mirrored to version {version}"
    header = policy.preview.header
    return f"preview: requests with {header.name}: {header.value} reach version {version}"


def _only_mirrored(gate: Gate) -> Gate:
    """``gate``, where a mirror brings evidence: testers may send nothing at all, or nonsense."""

    def asked(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
        policy = turn.policy(status)
        return gate(turn, status) if policy is not None and policy.shadow is not None else None

    return asked


def preview_time(turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """Those who try the candidate by the header have their time."""
    policy, begun = turn.policy(status), rollout_of(status).step_started_at
    if policy is None or policy.preview is None:
        return None
    until = (begun or turn.now) + policy.preview.for_
    if turn.now >= until:
        return None
    message = f"{_shadow_words(turn, status)}; the preview lasts until {format_time(until.replace(microsecond=0))}"
    return Move(status, Reason.PREVIEWING, message, min(until, turn.next_look()))


SHADOW_BACK = tuple(_only_mirrored(rule) if rule is unknown_too_long else rule for rule in TAKE_BACK)
SHADOW_HOLDS = (
    route_pending,
    record_missing,
    policy_lost,
    template_drift,
    _only_mirrored(undecided),
    _only_mirrored(step_time),
    preview_time,
    paused,
    held,
    stable_too_small,
    candidate_not_up,
)
"""What must be in order before the first step."""


def shadow(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """Shadowing: taken back first of all; then every gate; then the first step."""
    policy, status = turn.policy(status), step_clock(turn, status)
    if policy is not None and policy.shadow is not None:
        status = unknown_clock(turn, status)
    return first((*SHADOW_BACK, *SHADOW_HOLDS), turn, status) or _next_step(turn, status)


# --- Progressing: steps ----------------------------------------------------------------------------------------------

HOLDS = (
    route_pending,
    record_missing,
    policy_lost,
    template_drift,
    undecided,
    traffic_split,
    step_time,
    paused,
    held,
    stable_too_small,
    candidate_not_up,
)
"""What must be in order before the next step; the first that holds says why."""


def progress(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """Progressing: taken back first of all; then every gate; then the next step."""
    status = unknown_clock(turn, step_clock(turn, status))
    return first((*TAKE_BACK, *HOLDS), turn, status) or _next_step(turn, status)


def _next_step(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """The next weight; after the last step all traffic."""
    rollout, weight = rollout_of(status), next_weight(turn, status)
    exposed_at = rollout.exposed_at or turn.now
    version = status.candidate and status.candidate.version
    if rollout.returning or rollout.step >= rollout.steps:
        promoting = with_weight(enter(status, Phase.PROMOTING), weight)
        after = with_rollout(promoting, exposed_at=exposed_at, step_started_at=None)
        how = "it was stable before" if rollout.returning else "all steps passed"
        return Move(after, Reason.PROMOTING, f"{how}; {weight} % of the requests go to version {version}", turn.soon())
    after = with_rollout(
        with_weight(enter(status, Phase.PROGRESSING), weight),
        step=rollout.step + 1,
        exposed_at=exposed_at,
        step_started_at=None,
    )
    message = f"{where(after)}: {weight} % of the requests go to version {version}"
    return Move(after, Reason.COLLECTING_EVIDENCE, message, turn.soon())
