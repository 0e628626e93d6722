"""What does a decision see? One frozen picture of everything that matters, taken just before deciding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from serin.api.evidence import Assessment, Split
from serin.api.promotion_action import PromotionActionSpec
from serin.api.promotion_policy import Exposure, PromotionPolicySpec
from serin.api.reasons import Outcome, Reason
from serin.api.status import Held, RevisionRef


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a person has to mend: what is wrong and how to mend it, in one sentence."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an arm does not come up or fell over."""

    reason: Reason
    message: str
    final: bool = False
    """Waiting longer will not help."""
    own: bool = True
    """The revision's own doing; False for the cluster's (no node, quota, eviction): it is not held against it."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One InferenceService of this ModelDeployment, as it runs."""

    ref: RevisionRef
    ready: int = 0
    """Ready endpoints of its Service: what the gateway can reach."""
    failure: Failure | None = None
    deleting: bool = False
    template: str = ""
    """Hash of the newest pod's template; empty while it has no pod."""
    updates: bool = True
    """False where KServe was told to ignore changes of the InferenceService: scaling fields take no effect."""


@dataclass(frozen=True, slots=True)
class RouteView:
    """Our HTTPRoute as it stands at the API server."""

    stable: str | None
    """Stable revision, from our annotation."""
    candidate: str | None
    """Candidate revision, from our annotation."""
    intended: int | None
    """The candidate's weight as Serin last wrote it (annotation); None if somebody took that away."""
    weight: int
    """The candidate's weight as it is."""
    accepted: bool
    """The gateway has accepted the route in its present generation."""
    message: str = ""
    """What the gateway says when it has not."""
    editor: str = ""
    """Who last changed its spec, if not Serin."""
    exposes: frozenset[Exposure] = frozenset()
    """How the candidate is reached besides its weight."""
    meant_to_expose: frozenset[Exposure] = frozenset()
    """The same as Serin last wrote it (annotation)."""


@dataclass(frozen=True, slots=True)
class RecordView:
    """A PromotionRecord of this ModelDeployment."""

    name: str
    attempt: int
    candidate: RevisionRef
    stable: RevisionRef | None
    policy: PromotionPolicySpec | None
    started_at: datetime
    outcome: Outcome | None = None
    reason: Reason | None = None
    decided_at: datetime | None = None
    held: Held | None = None
    """Somebody held the rollout, and nobody has released it since."""

    @property
    def finished(self) -> bool:
        """Whether the outcome is written."""
        return self.outcome is not None


@dataclass(frozen=True, slots=True)
class ActionView:
    """A PromotionAction for this ModelDeployment that is not answered yet."""

    name: str
    uid: str
    spec: PromotionActionSpec


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything a decision needs."""

    generation: int
    wanted: RevisionRef | None
    """The revision that spec asks for; None when spec cannot be used (see ``problem``)."""
    arms: Mapping[str, Arm] = field(default_factory=dict)
    """By revision."""
    route: RouteView | None = None
    policy: PromotionPolicySpec | Problem | None = None
    """The live policy, or why there is none; None when it was not needed."""
    records: tuple[RecordView, ...] = ()
    """Ascending by attempt."""
    assessment: Assessment = field(default_factory=Assessment)
    split: Split | None = None
    """Observed share against the weight; None while there is none to compare."""
    next_evidence_at: datetime | None = None
    """When the next window can be read."""
    problem: Problem | None = None
    actions: tuple[ActionView, ...] = ()
    """Unanswered ones, oldest first."""
    vouched: bool | None = None
    """Whether the API server's admission policies vouch for who asked; None where that is not known."""

    def record(self, name: str) -> RecordView | None:
        """The record of that name."""
        return next((record for record in self.records if record.name == name), None)

    def rejection(self, revision: str) -> RecordView | None:
        """The record that rejects ``revision``: its newest attempt that was decided ended in a rollback or abort.

        Superseding decides nothing about a revision, so it lifts no rejection either.
        """
        undecided = {None, Outcome.SUPERSEDED}
        own = (r for r in reversed(self.records) if r.candidate.revision == revision and r.outcome not in undecided)
        newest = next(own, None)
        return newest if newest is not None and newest.outcome is not Outcome.PROMOTED else None

    @property
    def next_attempt(self) -> int:
        """Highest attempt + 1."""
        return max((record.attempt for record in self.records), default=0) + 1
