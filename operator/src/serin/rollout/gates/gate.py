"""A gate: its check, its phases, and what kind of cause holds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.transition import Transition, rollout_of, with_rollout
from serin.schema.phase import Phase

Check = Callable[[DecisionContext, ModelDeploymentStatus], Transition | None]


DEFAULT_HOLD_LIMIT = timedelta(minutes=10)
"""How long the cluster may hold a rollout before a person is needed, without a policy."""


class HeldBy(Enum):
    """The cause of a hold; it decides how a long hold ends."""

    CLUSTER = "Cluster"
    """The cluster: a long hold needs a person, and in Preparing it ends the rollout."""
    EVIDENCE = "Evidence"
    """The evidence or its duration: the step's timeout ends it, and a Promote or Advance skips it."""
    PERSON = "Person"
    """A person: without time limit."""


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
    held_by: HeldBy
    before: frozenset[Moment]
    """Moments at which it is asked, too."""


def only_mirrored(check: Check) -> Check:
    """``check``, skipped in a preview without mirror: its few test requests are no evidence."""

    def checked(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
        policy = context.policy(status)
        mirrored = status.phase is not Phase.SHADOWING or (policy is not None and policy.shadow is not None)
        return check(context, status) if mirrored else None

    return checked


def with_hold_clock(context: DecisionContext, transition: Transition, held_by: HeldBy) -> Transition:
    """The hold with the time since when the cluster has held the rollout; stalled after ``hold_limit``."""
    if held_by is not HeldBy.CLUSTER:
        return replace(transition, status=with_rollout(transition.status, blocked_since=None))
    since = rollout_of(transition.status).blocked_since or context.now.replace(microsecond=0)
    lasting = context.now - since >= hold_limit(context, transition.status)
    return replace(
        transition, status=with_rollout(transition.status, blocked_since=since), stalled=transition.stalled or lasting
    )


def hold_limit(context: DecisionContext, status: ModelDeploymentStatus) -> timedelta:
    """How long the cluster may hold the rollout before a person is needed: ``prepareTimeout``."""
    policy = context.policy(status)
    return policy.prepare_timeout if policy is not None else DEFAULT_HOLD_LIMIT
