"""What is decided? The next status, and what has to exist because of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from serin.api.promotion_action import ActionOutcome
from serin.api.promotion_policy import Header
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.schema.reasons import Outcome, Phase, Reason


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """The split that the route must show."""

    stable: RevisionRef
    candidate: RevisionRef | None
    weight: int
    """Percent on the candidate; 0 without one."""
    idle: tuple[RevisionRef, ...] = ()
    """Arms that still finish their requests; named in the route with weight 0."""
    mirror: bool = False
    """Every request is sent to the candidate as well, and that answer thrown away."""
    preview: Header | None = None
    """Requests that carry it go to the candidate."""
    rollback: str = ""
    """Written where the status could not be: the record's name and the cause of a rollback that was decided."""
    stable_gone: bool = False
    """Stable gets nothing and has no endpoint: its Service may be gone, and a route that names it never accepted."""


@dataclass(frozen=True, slots=True)
class RecordPlan:
    """The PromotionRecord of the rollout under way: it must exist before the first weight."""

    name: str
    attempt: int
    candidate: RevisionRef
    stable: RevisionRef | None
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Finish:
    """A record whose outcome must be written."""

    record: str
    outcome: Outcome
    reason: Reason
    message: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What a PromotionAction is told."""

    action: str
    """Its name."""
    outcome: ActionOutcome
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """What must be true in the cluster; every act is idempotent, and they are done in this order."""

    route: RoutePlan | None = None
    record: RecordPlan | None = None
    ensure: tuple[RevisionRef, ...] = ()
    at_least: Mapping[str, int] = field(default_factory=dict)
    """Replicas, by revision, that an arm is asked to run, within the bounds that spec gives its autoscaler."""
    finish: tuple[Finish, ...] = ()
    delete: tuple[RevisionRef, ...] = ()
    answers: tuple[Answer, ...] = ()
    expired: tuple[str, ...] = ()
    """Records that are no longer kept."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """Something that people are told, on a transition: what happened as data, and in one sentence."""

    name: str
    """What happened: the phase that was entered, ``StepAdvanced``, or a reason."""
    message: str
    warning: bool = False
    reason: Reason | None = None
    phase: Phase | None = None
    weight: int = 0
    """Percent on the candidate."""
    stable: str = ""
    """Version; empty where nothing is stable."""
    candidate: str = ""
    """Version; empty outside of rollouts."""
    counts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Per SLO bad and all requests of the candidate."""
    by: str = ""
    """Whose word it was, if it was a person's."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of one pass."""

    status: ModelDeploymentStatus
    plan: Plan
    announcements: tuple[Announcement, ...] = ()
    wake_at: datetime | None = None
    """When to look again without an event; None only where nothing can change by itself."""
