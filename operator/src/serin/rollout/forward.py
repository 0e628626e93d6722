"""How does a rollout go forward? Ready and recorded, then step by step; nothing moves while a gate holds."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.cure import cure
from serin.rollout.evidence_gates import describe_step
from serin.rollout.gates import (
    Check,
    describe_shadow,
    first_hold,
    only_mirrored,
    patience,
    step_clock,
)
from serin.rollout.interruption import resume
from serin.rollout.schedule import EVERYTHING, Schedule
from serin.rollout.takeback import PREPARE_RULES, ROLLBACK_RULES, roll_back, take_back, unknown_clock, unknown_too_long
from serin.rollout.turn import Move, Turn, enter, rollout_of, with_rollout, with_weight
from serin.schema.reasons import Phase, Reason
from serin.schema.types import format_duration

SHADOW_RULES: tuple[Check, ...] = tuple(
    only_mirrored(rule) if rule is unknown_too_long else rule for rule in ROLLBACK_RULES
)
"""Silence during a preview ends nothing: testers need not send anything."""


def first(rules: tuple[Check, ...], turn: Turn, status: ModelDeploymentStatus) -> Move | None:
    """What the first rule that applies says."""
    return next((move for rule in rules if (move := rule(turn, status)) is not None), None)


# --- Preparing -------------------------------------------------------------------------------------------------------


def prepare(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """Preparing: ready, recorded, routed, then the shadow or the first step."""
    back = first((*PREPARE_RULES, cure), turn, status)
    if back is not None:
        return back
    hold = first_hold(turn, status)
    if hold is None:
        return _begin(turn, status)
    return _took_too_long(turn, hold) or hold


def _took_too_long(turn: Turn, hold: Move) -> Move | None:
    """The end of a preparation that the cluster has held up for longer than ``prepareTimeout``.

    It is the candidate's own doing only where nothing else is known to be in its way.
    """
    status, limit = hold.status, patience(turn, hold.status)
    since = rollout_of(status).blocked_since
    if since is None or turn.now - since < limit or turn.dead(status.stable) or status.stable is None:
        return None
    # A failure that is not the candidate's own has a reason of its own (``candidate_not_up``).
    if hold.reason is Reason.PREPARING_CANDIDATE and turn.record(status) is not None:
        trouble = hold.message.partition("; ")[2]
        words = f"the candidate is not ready after {format_duration(limit)}{f'; {trouble}' if trouble else ''}"
        return take_back(turn, status, Reason.PREPARE_TIMEOUT, words)
    words = f"no rollout after {format_duration(limit)}, and not for its own fault: {hold.message}"
    return take_back(turn, status, hold.reason, words)


def _begin(turn: Turn, status: ModelDeploymentStatus) -> Move:
    policy = turn.policy(status)
    if policy is None or not policy.exposure or rollout_of(status).at_once:
        return _next_step(turn, status)
    after = with_rollout(enter(status, Phase.SHADOWING), exposed_at=turn.now, step_started_at=None, blocked_since=None)
    reason = Reason.SHADOWING if policy.shadow else Reason.PREVIEWING
    return Move(after, reason, describe_shadow(turn, after), turn.soon())


# --- Shadowing: requests, but no client's answer depends on the candidate ---------------------------------------------


def shadow(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """Shadowing: taken back first of all; then every gate; then the first step."""
    policy, status = turn.policy(status), step_clock(turn, status)
    if policy is not None and policy.shadow is not None:
        status = unknown_clock(turn, status)
    return first((*SHADOW_RULES, cure), turn, status) or resume(turn, status) or _onward(turn, status)


# --- Progressing: steps ----------------------------------------------------------------------------------------------


def progress(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """Progressing: taken back first of all; then every gate; then the next step."""
    status = unknown_clock(turn, step_clock(turn, status))
    return first((*ROLLBACK_RULES, cure), turn, status) or resume(turn, status) or _onward(turn, status)


def watch_only(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """A phase that this Serin does not know (a newer one wrote it): the watch goes on, and nothing moves forward."""
    if rollout_of(status).taken_back:
        return roll_back(turn, status)
    status = unknown_clock(turn, status)
    back = first(ROLLBACK_RULES, turn, status)
    if back is not None:
        return back
    message = (
        f"status is in phase {status.phase}, which this version of Serin does not know; nothing moves forward; the "
        f"breach watch goes on; go back to the newer version, or end the rollout by a PromotionAction Abort"
    )
    return Move(status, Reason.UNKNOWN_STATE, message, turn.next_look(), stalled=True)


def _onward(turn: Turn, status: ModelDeploymentStatus) -> Move:
    return first_hold(turn, status) or _next_step(turn, status)


def _next_step(turn: Turn, status: ModelDeploymentStatus) -> Move:
    """The next weight; after the last step all traffic."""
    rollout, policy = rollout_of(status), turn.policy(status)
    exposed_at = rollout.exposed_at or turn.now
    version = status.candidate and status.candidate.version
    schedule = Schedule(policy) if policy is not None else None
    if schedule is None or rollout.at_once or schedule.passed(rollout.step):
        weight = EVERYTHING if schedule is None or rollout.at_once else schedule.policy.last_weight
        after = with_weight(enter(status, Phase.PROMOTING), weight)
        after = with_rollout(after, exposed_at=exposed_at, step_started_at=None, blocked_since=None)
        message = f"{_how(status)}; {weight} % of the requests go to version {version}"
        return Move(after, Reason.PROMOTING, message, turn.soon())
    weight = schedule.weight_after(rollout.step)
    after = with_rollout(
        with_weight(enter(status, Phase.PROGRESSING), weight),
        step=rollout.step + 1,
        steps=schedule.count,
        exposed_at=exposed_at,
        step_started_at=None,
        blocked_since=None,
    )
    message = f"{describe_step(after)}: {weight} % of the requests go to version {version}"
    return Move(after, Reason.COLLECTING_EVIDENCE, message, turn.soon())


def _how(status: ModelDeploymentStatus) -> str:
    rollout = rollout_of(status)
    if rollout.promote is not None:
        why = f": {rollout.promote.reason}" if rollout.promote.reason else ""
        return f"promoted by {rollout.promote.by}{why}"
    return "it was stable before" if rollout.returning else "all steps passed"
