"""A gate: a check, the phases in which it holds, and who keeps it shut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.transition import Transition, rollout_of, with_rollout
from serin.schema.reasons import Phase

Check = Callable[[DecisionContext, ModelDeploymentStatus], Transition | None]


DEFAULT_HOLD_LIMIT = timedelta(minutes=10)
"""How long the cluster may hold a rollout before it asks for a person, where no policy says it."""


class HeldBy(Enum):
    """Who keeps a gate shut; it decides what becomes of a hold that lasts."""

    CLUSTER = "Cluster"
    """Something in the cluster: it asks for a person when it lasts, and ends a candidate that never gets ready."""
    EVIDENCE = "Evidence"
    """The evidence, or its time: the step's timeout is its end. A person's Promote takes its place."""
    PERSON = "Person"
    """Somebody's word: it lasts as long as they wish."""


class Moment(Enum):
    """A forward move besides the next step, before which some gates are asked, too."""

    LAST_WEIGHT = "LastWeight"
    """The last weight counts as given: the bake begins, or the end."""
    END = "End"
    """The candidate becomes stable and the old revision goes, which nothing brings back."""
    RESUME = "Resume"
    """A candidate that was without endpoints gets back the weight that it had."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A check, and when it is asked."""

    check: Check
    phases: frozenset[Phase]
    """Phases in which it holds the next step."""
    holds: HeldBy
    before: frozenset[Moment]
    """Moments at which it is asked, too."""


def only_mirrored(check: Check) -> Check:
    """``check``, where a mirror brings evidence: testers of a preview may send nothing at all, or nonsense."""

    def asked(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
        policy = context.policy(status)
        mirrored = status.phase is not Phase.SHADOWING or (policy is not None and policy.shadow is not None)
        return check(context, status) if mirrored else None

    return asked


def with_hold_clock(context: DecisionContext, transition: Transition, holds: HeldBy) -> Transition:
    """The hold with the time since when the cluster has been in the way; when that lasts, a person is needed."""
    if holds is not HeldBy.CLUSTER:
        return replace(transition, status=with_rollout(transition.status, blocked_since=None))
    since = rollout_of(transition.status).blocked_since or context.now.replace(microsecond=0)
    lasting = context.now - since >= hold_limit(context, transition.status)
    return replace(
        transition, status=with_rollout(transition.status, blocked_since=since), stalled=transition.stalled or lasting
    )


def hold_limit(context: DecisionContext, status: ModelDeploymentStatus) -> timedelta:
    """How long the cluster may be in the way."""
    policy = context.policy(status)
    return policy.prepare_timeout if policy is not None else DEFAULT_HOLD_LIMIT
