"""Stable outage: while stable has no ready endpoint, a ready candidate without a breach takes all traffic (rule 14).

There are no steps, windows or bake then, as in a first deployment. With ``whenStableIsDown: Hold`` in the policy the
candidate starts and waits for a PromotionAction Promote.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from serin.api.people import GateStatus
from serin.api.promotion_policy import WhenStableIsDown
from serin.api.status import ModelDeploymentStatus
from serin.policy_gates.answer import GateState
from serin.rollout.context import DecisionContext
from serin.rollout.evidence_decision import without_lost_time
from serin.rollout.observation import Part
from serin.rollout.steps.schedule import EVERYTHING
from serin.rollout.transition import (
    Transition,
    failed_write,
    rollout_of,
    whole_second,
    with_fields,
    with_phase,
    with_rollout,
    with_weight,
)
from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from serin.schema.types import format_time

DOWN_FOR = timedelta(seconds=30)
"""How long stable must have no ready endpoint before it counts as down: less may be a restart or a drained node."""
CLOCKS = ("step_started_at", "unknown_since", "blocked_since")
"""Clocks of a rollout that do not count an outage: nothing can be compared, and nobody could have done better."""
LONGEST_WHY = 512
"""Characters of the cause of an outage in the status."""
RECORD_TIMEOUT = timedelta(seconds=30)
"""How long a total outage waits for a record that cannot be written or read."""


def with_outage_clock(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """The status with the time since when stable is known to be down.

    An observation without endpoints neither starts nor ends an outage; only a ready endpoint ends one.
    """
    if status.stable_down_since is None:
        if not context.is_down(status.stable):
            return status
        begun = with_fields(status, stable_down_since=whole_second(context.now), stable_down_why=None)
        return _with_cause(context, begun)
    if status.stable is None or context.ready(status.stable) > 0:
        return _without_outage(context, status, status.stable_down_since)
    return _with_cause(context, status)


def _without_outage(context: DecisionContext, status: ModelDeploymentStatus, since: datetime) -> ModelDeploymentStatus:
    """The status after an outage, the time of which counts for no clock; stable has time to scale out again."""
    rollout = status.rollout
    if rollout is not None:
        changes: dict[str, object] = {
            name: without_lost_time(getattr(rollout, name), since, context.now) for name in CLOCKS
        }
        changes |= {"gates": [_gate_without_outage(gate, since, context.now) for gate in rollout.gates]}
        if rollout.interruption is not None:
            from_then = without_lost_time(rollout.interruption.grace_begins_at, since, context.now)
            changes |= {"interruption": rollout.interruption.model_copy(update={"grace_from": from_then})}
        if status.phase is Phase.ROLLING_BACK and context.now - since >= DOWN_FOR:
            # It goes on from where it was: a stable that comes and goes must not keep a bad candidate's weight up.
            changes |= {"growth_since": without_lost_time(rollout.growing_since, since, context.now)}
        status = with_rollout(status, **changes)
    return with_fields(status, stable_down_since=None, stable_down_why=None)


def _gate_without_outage(gate: GateStatus, since: datetime, now: datetime) -> GateStatus:
    """The gate, which has waited since later: what it waits for may have come to nothing in the outage."""
    if gate.state is not GateState.WAITING:
        return gate
    return gate.model_copy(update={"since": without_lost_time(gate.since, since, whole_second(now))})


def _with_cause(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """The status with what keeps stable's pods from being ready, as soon as they say so; the first cause stays."""
    failure = context.failure(status.stable, status.stable_down_since)
    if status.stable_down_why is not None or failure is None:
        return status
    return with_fields(status, stable_down_why=failure.message[:LONGEST_WHY])


def stable_is_down(context: DecisionContext, status: ModelDeploymentStatus) -> bool:
    """Whether stable has been down for ``DOWN_FOR``."""
    since = status.stable_down_since
    return since is not None and context.is_down(status.stable) and context.now - since >= DOWN_FOR


def take_over(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """All traffic to a ready candidate while stable is down; None without an outage or a ready candidate."""
    rollout, candidate, stable = rollout_of(status), status.candidate, status.stable
    if not stable_is_down(context, status) or not context.ready(candidate) or candidate is None or stable is None:
        return None
    if rollout.stable_down:  # its weight is decided already
        return None
    since = status.stable_down_since or context.now
    outage = f"stable version {stable.version} has had no ready endpoint since {format_time(since)}"
    hold = _waits(context, status, f"{outage}; version {candidate.version} is ready")
    if hold is not None:
        return hold
    message = f"{outage}; version {candidate.version} is ready and takes all traffic"
    after = with_rollout(
        with_weight(with_phase(status, Phase.PROMOTING), EVERYTHING),
        stable_down=True,
        exposed_at=rollout.exposed_at or context.now,
        step_started_at=None,
        blocked_since=None,
        interruption=None,
    )
    return Transition(after, Reason.STABLE_DOWN, message, context.poll_at())


def kept_from_serving(context: DecisionContext, status: ModelDeploymentStatus) -> str | None:
    """What keeps a ready candidate from taking over, and how to end it; None if nothing does."""
    rollout, policy = rollout_of(status), context.policy(status)
    if context.spec.paused:
        return "spec.paused is true: set it to false to let it serve"
    if rollout.held is not None:
        return f"held by {rollout.held.by}: a PromotionAction Release lets it serve"
    if rollout.promote is not None:
        return None
    if policy is None and Part.POLICY in context.observed.unknown:
        why = context.observed.unknown[Part.POLICY].message
        return f"its policy, which may say Hold, cannot be read ({why}): a PromotionAction Promote lets it serve"
    if policy is not None and policy.when_stable_is_down is WhenStableIsDown.HOLD:
        return "the policy says whenStableIsDown: Hold: a PromotionAction Promote lets it serve"
    return None


def _waits(context: DecisionContext, status: ModelDeploymentStatus, outage: str) -> Transition | None:
    """The hold of a candidate that may not take over, or not before its record exists; None if it may."""
    why = kept_from_serving(context, status)
    if why is not None:
        return Transition(status, Reason.STABLE_DOWN, f"{outage}; {why}", context.poll_at(), stalled=True)
    unrecorded = context.record(status) is None and not rollout_of(status).exposed
    if unrecorded and not _record_given_up(context, status):
        message = f"{outage}; its PromotionRecord is being created"
        return Transition(status, Reason.STABLE_DOWN, message, context.poll_at())
    return None


def _record_given_up(context: DecisionContext, status: ModelDeploymentStatus) -> bool:
    """Whether the record could not be written or read for so long that the outage takes precedence."""
    if Part.RECORDS in context.observed.unknown:
        since = status.stable_down_since or context.now
        return context.now - since >= DOWN_FOR + RECORD_TIMEOUT
    failure = failed_write(status, "PromotionRecord")
    return failure is not None and context.now - failure.since >= RECORD_TIMEOUT
