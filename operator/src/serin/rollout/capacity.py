"""Replicas that an arm needs for its weight, and the traffic that stable can take over in a rollback."""

from __future__ import annotations

import math
from datetime import timedelta

from serin.api.revision import replica_bounds
from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.phases import AFTER_STEPS
from serin.rollout.steps.schedule import EVERYTHING, Schedule
from serin.rollout.transition import rollout_of, weights_of

GROWTH_TIMEOUT = timedelta(seconds=60)
"""How long a rollback waits for stable to scale out; after it the ready replicas take all traffic."""
DEFAULT_LOAD = 1.5
"""``rollback.maxLoad`` where the policy is not known."""
MAX_OVERLOAD = 1.25
"""Stable takes all traffic at once although replicas are missing, if none gets more than this multiple of the load that
it is sized for: 4 of 5 replicas do, 3 of 4 do not."""


def needed(weight: int, stable_replicas: int) -> int:
    """Ready replicas for ``weight`` percent of the requests, if ``stable_replicas`` serve all of them; at least 1."""
    return max(1, math.ceil(weight * stable_replicas / EVERYTHING))


def full_size(context: DecisionContext, status: ModelDeploymentStatus) -> int:
    """R0: the replicas that all traffic needs; at least 1.

    The larger of stable's size at the start of the rollout and its size now. If spec sets stable's size, the maximum in
    spec limits it: a rollout does not wait for a replica that spec removed. Stable is larger than its InferenceService
    asks for if something else scales it; spec is then no limit. An elastic arm grows with its load: 1.
    """
    _, most = replica_bounds(context.spec.predictor)
    start, ready, arm = rollout_of(status).stable_replicas, context.ready(status.stable), context.arm(status.stable)
    if arm is not None and arm.elastic:
        return 1
    if arm is not None and arm.size is not None and ready <= max(arm.size, most):
        return max(1, min(max(start, ready), most))
    return max(1, start, ready)


def required_stable_size(context: DecisionContext, status: ModelDeploymentStatus) -> int:
    """The ready replicas that stable must have before the rollout moves forward: R0, at most the maximum in spec."""
    _, most = replica_bounds(context.spec.predictor)
    return min(full_size(context, status), most)


def next_share(context: DecisionContext, status: ModelDeploymentStatus) -> int:
    """Percent of the requests that reach the candidate after the next step."""
    policy, rollout = context.policy(status), rollout_of(status)
    if policy is None or rollout.at_once or status.phase in AFTER_STEPS:
        return EVERYTHING
    return Schedule(policy).share_after(rollout.step)


def lowest_weight(context: DecisionContext, status: ModelDeploymentStatus) -> int | None:
    """The lowest candidate weight with which stable can carry the rest now; None if stable has no ready endpoint.

    It is 0 if the endpoints cannot be read, or if the candidate has no ready endpoint: neither delays a rollback.
    """
    if not context.endpoints_known or context.is_down(status.candidate):
        return None if context.is_down(status.stable) else 0
    ready, full = context.ready(status.stable), full_size(context, status)
    if ready == 0:
        return None
    rollout, policy = rollout_of(status), context.policy(status)
    waited = rollout.decided_at is not None and context.now - rollout.decided_at >= GROWTH_TIMEOUT
    if waited or ready * MAX_OVERLOAD >= full:
        return 0
    given = rollout.decided_weight if rollout.decided_weight is not None else weights_of(status).desired
    load = float(policy.rollback.max_load) if policy is not None else DEFAULT_LOAD
    stable_weight = EVERYTHING - given
    return max(0, EVERYTHING - max(EVERYTHING * ready // full, math.floor(load * stable_weight)))
