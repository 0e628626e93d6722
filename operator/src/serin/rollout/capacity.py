"""Replicas that an arm needs for its weight, and the traffic that stable can take over in a rollback."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from serin.api.revision import replica_bounds
from serin.api.status import ModelDeploymentStatus, RevisionRef
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
TRANSFORMER = "transformer"


def needed(weight: int, stable_replicas: int) -> int:
    """Ready replicas for ``weight`` percent of the requests, if ``stable_replicas`` serve all of them; at least 1."""
    return max(1, math.ceil(weight * stable_replicas / EVERYTHING))


@dataclass(frozen=True, slots=True)
class Lack:
    """Too few ready replicas of one component of an arm."""

    have: int
    need: int
    of: str = ""
    """What they are replicas of, for a message; empty: of the arm as a whole."""


def full_size(context: DecisionContext, status: ModelDeploymentStatus) -> int:
    """R0: the replicas that all traffic needs; at least 1.

    The larger of stable's size at the start of the rollout and its size now. If spec sets stable's size, the maximum in
    spec limits it: a rollout does not wait for a replica that spec removed. Stable is larger than its InferenceService
    asks for if something else scales it; spec is then no limit. An elastic arm grows with its load: 1.
    """
    arm = context.arm(status.stable)
    if arm is not None and arm.elastic:
        return 1
    ready, size = context.ready(status.stable), arm.size if arm is not None else None
    return _full(rollout_of(status).stable_replicas, ready, size, replica_bounds(context.spec.predictor)[1])


def full_transformers(context: DecisionContext, status: ModelDeploymentStatus) -> int:
    """The same of transformers. Where stable has none, it is what spec asks for."""
    fewest, most = replica_bounds(context.spec.transformer or {})
    arm, start = context.arm(status.stable), rollout_of(status).stable_transformers
    if arm is None or arm.transformer is None:
        return max(start or fewest, 1)
    return _full(start or 0, arm.transformer.ready, arm.transformer.size, most if context.spec.transformer else None)


def _full(start: int, ready: int, size: int | None, most: int | None) -> int:
    """R0 of a component; ``most`` is its maximum in spec, None if spec has no such component."""
    if size is not None and most is not None and ready <= max(size, most):
        return max(1, min(max(start, ready), most))
    return max(1, start, ready)


def lacking(
    context: DecisionContext, status: ModelDeploymentStatus, ref: RevisionRef | None, weight: int
) -> Lack | None:
    """What the arm of ``ref`` has too few of for ``weight`` percent; None if it can carry that."""
    transformers = context.transformers(ref)
    found = [Lack(context.ready(ref), needed(weight, full_size(context, status)))]
    if transformers is not None:
        found.insert(0, Lack(transformers, needed(weight, full_transformers(context, status)), TRANSFORMER))
    return next((lack for lack in found if lack.have < lack.need), None)


def stable_lacks(context: DecisionContext, status: ModelDeploymentStatus) -> Lack | None:
    """What stable has too few of before the rollout moves forward: it needs R0, at most the maximum in spec."""
    transformers = context.transformers(status.stable)
    found = [Lack(context.ready(status.stable), required_stable_size(context, status))]
    if transformers is not None:
        need = full_transformers(context, status)
        if context.spec.transformer is not None:
            need = min(need, replica_bounds(context.spec.transformer)[1])
        found.insert(0, Lack(transformers, need, TRANSFORMER))
    return next((lack for lack in found if lack.have < lack.need), None)


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
    ready, full = _scarcest(context, status)
    if context.ready(status.stable) == 0:
        return None
    rollout, policy = rollout_of(status), context.policy(status)
    since = rollout.growing_since
    waited = since is not None and context.now - since >= GROWTH_TIMEOUT
    if waited or ready * MAX_OVERLOAD >= full:
        return 0
    given = rollout.decided_weight if rollout.decided_weight is not None else weights_of(status).desired
    load = float(policy.rollback.max_load) if policy is not None else DEFAULT_LOAD
    stable_weight = EVERYTHING - given
    return max(0, EVERYTHING - max(EVERYTHING * ready // full, math.floor(load * stable_weight)))


def _scarcest(context: DecisionContext, status: ModelDeploymentStatus) -> tuple[int, int]:
    """Ready replicas and R0 of the component of stable that can carry the least."""
    sizes = [(context.ready(status.stable), full_size(context, status))]
    transformers = context.transformers(status.stable)
    if transformers is not None:
        sizes.append((transformers, full_transformers(context, status)))
    return min(sizes, key=lambda size: size[0] / size[1])
