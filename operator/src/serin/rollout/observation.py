"""What does a decision see? One frozen picture of everything that matters, taken just before deciding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from serin.api.promotion_action import PromotionActionSpec
from serin.api.promotion_policy import Exposure, PromotionPolicySpec
from serin.api.status import Held, RevisionRef, WriteFailure
from serin.evidence import Assessment, Split
from serin.schema.reasons import Outcome, Reason

FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=1)


class Part(StrEnum):
    """A part of the observation that is read on its own, and may be unknown while the others are known."""

    INFERENCE_SERVICES = "InferenceServices"
    ENDPOINTS = "EndpointSlices"
    PODS = "Pods"
    RECORDS = "PromotionRecords"
    POLICY = "PromotionPolicy"
    ACTIONS = "PromotionActions"
    HOSTNAMES = "hostnames of other ModelDeployments"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a part is unknown."""

    message: str
    """The server's words."""
    refused: bool = False
    """A person has to mend it (a right, a malformed object); otherwise the next try may succeed."""


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
    """It is the revision's own doing; False for what the cluster does to it (no node, a quota, an eviction)."""


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
    size: int | None = None
    """The most replicas that its InferenceService asks for; None where that is not known."""
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
    pending: bool = False
    """The gateway has not yet said anything about the present generation."""
    editor: str = ""
    """Who last changed its spec, if not Serin."""
    exposes: frozenset[Exposure] = frozenset()
    """How the candidate is reached besides its weight."""
    meant_to_expose: frozenset[Exposure] = frozenset()
    """The same as Serin last wrote it (annotation)."""
    rollback: str = ""
    """Record and cause of a rollback that was decided and could not be written into the status (annotation)."""


@dataclass(frozen=True, slots=True)
class RecordView:
    """A PromotionRecord of this ModelDeployment."""

    name: str
    attempt: int
    candidate: RevisionRef
    stable: RevisionRef | None
    policy: PromotionPolicySpec | None
    started_at: datetime
    unreadable: str = ""
    """Why its policy cannot be read, if it has one that this version of Serin does not understand."""
    outcome: Outcome | None = None
    reason: Reason | None = None
    decided_at: datetime | None = None
    held: Held | None = None
    """Somebody held the rollout, and nobody has released it since."""

    @property
    def finished(self) -> bool:
        """Whether the outcome is written."""
        return self.outcome is not None

    @property
    def decides(self) -> bool:
        """Whether its end says something about the revision itself."""
        if self.outcome not in {Outcome.PROMOTED, Outcome.ROLLED_BACK, Outcome.ABORTED}:
            return False  # open, superseded, or a word of a newer Serin
        return self.outcome is not Outcome.ABORTED or self.reason is None or self.reason.effect.rejects


@dataclass(frozen=True, slots=True)
class ActionView:
    """A PromotionAction for this ModelDeployment that is not answered yet."""

    name: str
    uid: str
    spec: PromotionActionSpec


@dataclass(frozen=True, slots=True)
class Retention:
    """The newest ``count`` records of a ModelDeployment are kept, and all that were decided within ``age``."""

    count: int
    """0: all are kept."""
    age: timedelta


KEEP_ALL = Retention(0, timedelta())


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
    requester_verified: bool | None = None
    """Whether the API server's admission policies vouch for who asked; None where that is not known."""
    unknown: Mapping[Part, Unreadable] = field(default_factory=dict)
    """Parts that could not be read now: they stop forward moves, never the way back."""
    missing_rights: tuple[str, ...] = ()
    """Rights in this namespace, or everywhere, that Serin's service account lacks."""
    snapshot: PromotionPolicySpec | None = None
    """The policy that the rollout began with, as this process remembers it."""
    write_failures: tuple[WriteFailure, ...] | None = None
    """What the newest pass could not write; None before this process has tried."""
    retention: Retention = KEEP_ALL
    carried_out: int | None = None
    """The generation of spec for which this process has carried out everything; None where it has not."""

    def record(self, name: str) -> RecordView | None:
        """The record of that name."""
        return next((record for record in self.records if record.name == name), None)

    def rejection(self, revision: str) -> RecordView | None:
        """The record that rejects ``revision``: its newest attempt that was decided ended in a rollback or abort.

        Superseding, and an end for a cause outside the revision, decide nothing about it: they lift no rejection.
        """
        own = (r for r in reversed(self.records) if r.candidate.revision == revision and r.decides)
        newest = next(own, None)
        return newest if newest is not None and newest.outcome is not Outcome.PROMOTED else None

    def retry_at(self, revision: str) -> tuple[RecordView, datetime] | None:
        """The newest attempt that ended for a cause outside ``revision``, and when the next one may begin.

        The pause doubles with each such attempt in a row. None when the newest attempt ended otherwise.
        """
        own = [r for r in self.records if r.candidate.revision == revision and r.outcome is not None]
        streak = 0
        for record in reversed(own):
            if record.outcome is not Outcome.ABORTED or record.reason is None or record.reason.effect.rejects:
                break
            streak += 1
        if not streak or own[-1].decided_at is None:
            return None
        return own[-1], own[-1].decided_at + min(FIRST_RETRY * 2 ** min(streak - 1, 10), LONGEST_RETRY)

    @property
    def next_attempt(self) -> int:
        """Highest attempt + 1."""
        return max((record.attempt for record in self.records), default=0) + 1
