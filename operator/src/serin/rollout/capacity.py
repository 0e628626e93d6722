"""How many replicas does an arm need, and how much traffic can stable take back now?"""

from __future__ import annotations

import math
from datetime import timedelta

from serin.api.revision import replica_bounds
from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.phases import LATE
from serin.rollout.schedule import EVERYTHING, Schedule
from serin.rollout.transition import rollout_of, weights_of

PATIENCE = timedelta(seconds=60)
"""So long a rollback waits for stable to grow; then what is ready takes everything."""
DEFAULT_LOAD = 1.5
OVER_SIZE = 1.25
"""A receiver that lacks few replicas takes everything at once, too: each carries at most this multiple of what it is
sized for (4 of 5 replicas do; 3 of 4 do not)."""


def needed(weight: int, stable_replicas: int) -> int:
    """Ready replicas that an arm needs for ``weight`` percent, when stable needs ``stable_replicas`` for all."""
    return max(1, math.ceil(weight * stable_replicas / EVERYTHING))


def full_size(context: DecisionContext, status: ModelDeploymentStatus) -> int:
    """R0: the replicas that all traffic needs; at least 1.

    It is what stable had when the rollout started, or has now if load scaled it out since. Where stable's size is
    spec's to say, it is never more than spec asks for now: nobody waits for a replica that spec took away. Stable has
    more than its InferenceService asks for where something else scales it: then spec's word is not the measure.
    """
    _, most = replica_bounds(context.spec.predictor)
    start, ready, arm = rollout_of(status).stable_replicas, context.ready(status.stable), context.arm(status.stable)
    if arm is not None and arm.size is not None and ready <= max(arm.size, most):
        return max(1, min(max(start, ready), most))
    return max(1, start, ready)


def whole_size(context: DecisionContext, status: ModelDeploymentStatus) -> int:
    """The replicas with which stable is whole: R0, or what spec asks for now if that is less."""
    _, most = replica_bounds(context.spec.predictor)
    return min(full_size(context, status), most)


def next_share(context: DecisionContext, status: ModelDeploymentStatus) -> int:
    """Percent of the requests that reach the candidate after the next forward transition."""
    policy, rollout = context.policy(status), rollout_of(status)
    if policy is None or rollout.at_once or status.phase in LATE:
        return EVERYTHING
    return Schedule(policy).share_after(rollout.step)


def receivable(context: DecisionContext, status: ModelDeploymentStatus) -> int | None:
    """The lowest candidate weight that stable can take over from now; None without any ready endpoint.

    Endpoints that cannot be read stop no rollback: stable then takes everything. So does a candidate that cannot
    answer.
    """
    if not context.endpoints_known or context.is_down(status.candidate):
        return None if context.is_down(status.stable) else 0
    ready, full = context.ready(status.stable), full_size(context, status)
    if ready == 0:
        return None
    rollout, policy = rollout_of(status), context.policy(status)
    waited = rollout.decided_at is not None and context.now - rollout.decided_at >= PATIENCE
    if waited or ready * OVER_SIZE >= full:
        return 0
    given = rollout.decided_weight if rollout.decided_weight is not None else weights_of(status).desired
    load = float(policy.rollback.max_load) if policy is not None else DEFAULT_LOAD
    now = EVERYTHING - given
    return max(0, EVERYTHING - max(EVERYTHING * ready // full, math.floor(load * now)))
