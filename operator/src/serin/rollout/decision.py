"""The result of a decision: the next status, the plan, and the announcements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from serin.api.notification import Notification
from serin.api.policy.preview_header import Header
from serin.api.promotion_action import ActionOutcome
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """The split that the route must have."""

    stable: RevisionRef
    candidate: RevisionRef | None
    weight: int
    """Percent on the candidate; 0 without one."""
    idle: tuple[RevisionRef, ...] = ()
    """Draining arms: in the route with weight 0 until their requests are finished."""
    mirror: bool = False
    """Every request is mirrored to the candidate; its answer is discarded."""
    preview: Header | None = None
    """Requests with this header go to the candidate."""
    rollback: str = ""
    """Record names and causes of rollouts whose end no record has yet; an annotation, for a status that is lost."""
    stable_gone: bool = False
    """Stable has weight 0 and no endpoint. Its Service may not exist; a gateway never accepts a route that names it."""


@dataclass(frozen=True, slots=True)
class RecordPlan:
    """The PromotionRecord of the rollout under way; it must exist before the candidate gets requests."""

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
    """The answer that is written to the status of a PromotionAction."""

    action: str
    """Name of the PromotionAction."""
    outcome: ActionOutcome
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """The objects that must exist. Each write is idempotent; the writes are done in the order of the fields."""

    route: RoutePlan | None = None
    record: RecordPlan | None = None
    ensure: tuple[RevisionRef, ...] = ()
    at_least: Mapping[str, int] = field(default_factory=dict)
    """Minimum replicas by revision, within the bounds that spec gives the autoscaler."""
    transformers_at_least: Mapping[str, int] = field(default_factory=dict)
    """The same of the transformers."""
    finish: tuple[Finish, ...] = ()
    delete: tuple[RevisionRef, ...] = ()
    answers: tuple[Answer, ...] = ()
    expired: tuple[str, ...] = ()
    """Names of records to delete."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """One thing that happened, as data and as one sentence; for the sinks."""

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
    """By SLO: bad requests and all requests of the candidate."""
    by: str = ""
    """Who requested it by a PromotionAction; empty if nobody did."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of one pass."""

    status: ModelDeploymentStatus
    plan: Plan
    announcements: tuple[Announcement, ...] = ()
    standing: Notification | None = None
    """That a person is needed, for as long as it is so."""
    wake_at: datetime | None = None
    """When to decide again without a watch event; None if nothing can change without one."""
    asks_preflight: bool = False
    """The policy's queries have to be tried, and then it is decided again."""
