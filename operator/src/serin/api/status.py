"""What Serin knows and does about a ModelDeployment; it can be rebuilt from the route and the records."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from serin.api.conditions import Condition
from serin.api.notification import MOST_PENDING, Notification
from serin.api.people import AdvancedStep, AnsweredAction, GateStatus, Held
from serin.api.workload import OfWorkload
from serin.schema.choices import Severity
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason, Verdict
from serin.schema.types import AnyName, ApiModel, Name, Sha256, Text, Time, Word
from serin.schema.words import OrOmitted, Stored

NEVER_OBSERVED = -1
"""What the API server fills in where there is no status yet (a default in the CRD).

Tools that wait for an object (kstatus, and so Flux) take one without any status for done. To Serin it is no status.
"""


def _observed(value: object) -> object:
    return None if value == NEVER_OBSERVED else value


class RevisionRef(OfWorkload):
    """A revision and the object that serves it."""

    since: Time | None = None
    """Since when it is what it is here: stable, on trial, or without traffic."""
    until: Time | None = None
    """Until when it is kept, where it is kept for a time only."""
    template: Word | None = None
    """The pod-template-hash label of its pods; it changes when KServe renders the pods anew."""


class Weights(ApiModel):
    """Percent of traffic on the candidate."""

    desired: Annotated[int, Field(ge=0, le=100)] = 0
    """Percent that Serin has decided on."""
    applied: Annotated[int, Field(ge=0, le=100)] = 0
    """Percent that the gateway has accepted."""
    observed: Word | None = None
    """Percent of requests that the candidate answered in the newest window."""


class ArmCounts(ApiModel):
    """Requests of one arm since the rollout began."""

    bad: int
    """Bad requests."""
    total: int
    """All requests."""


class SloStatus(ApiModel):
    """Where the evidence for one SLO stands. Evidence is log10 of the e-value, rounded to 1e-6, as a string."""

    name: Name
    """Name of the SLO in the policy."""
    severity: Stored[Severity]
    verdict: Stored[Verdict]
    candidate: ArmCounts
    stable: ArmCounts
    evidence: Annotated[dict[str, Word], Field(max_length=8)]
    """By test: ``e1`` worse than stable, ``e2`` breaks the objective, ``e3`` not worse than stable, ``e4`` keeps the
    objective."""
    threshold: Word
    """The candidate is rolled back when ``e1`` and ``e2`` are both at or above this."""
    pass_threshold: Word
    """The SLO passes when the mean of the e-values ``e3`` and ``e4`` is at or above this."""
    message: Text
    """The counts and the evidence in a sentence."""


class Retry(ApiModel):
    """A rejected revision that may be tried again once."""

    revision: Name
    """Name of the revision."""
    asked: AnsweredAction
    """The PromotionAction Retry that allows it; it is copied into the record of the rollout."""


class Interruption(ApiModel):
    """The candidate lost its last ready endpoint. Its weight is 0 until it is ready again or taken back."""

    at: Time
    """When the candidate lost its last ready endpoint, and its weight."""
    grace_from: Time | None = None
    """Where the grace begins, if that is later than ``at``: the candidate was ready in between, or stable was down."""
    weight: Annotated[int, Field(ge=0, le=100)]
    """Percent that the candidate had, and gets back."""
    ready_at: Time | None = None
    """Since when it is ready again; its weight comes back after a pause in which the gateway learns its endpoints."""
    cause: Stored[Reason] | None = None
    """Why the candidate lost its endpoints, if a pod still said so when it did."""
    cause_message: Annotated[str, Field(max_length=512)] | None = None
    """The same in a sentence, with the words of Kubernetes."""

    @property
    def grace_begins_at(self) -> Time:
        """From when the grace counts."""
        return self.grace_from or self.at


class WriteFailure(ApiModel):
    """A write that Serin decided on and that failed."""

    act: Word
    """What was to be written: ``HTTPRoute``, ``PromotionRecord``, ``InferenceService``, ``Scaling``, ``Deletion`` or
    ``Job``; ``PromotionAction`` is the answer to one."""
    name: AnyName
    """Name of the object."""
    reason: Stored[Reason]
    message: Annotated[str, Field(max_length=1024)]
    """The error message of the API server."""
    since: Time
    """Since when the write has failed."""


class RolloutStatus(ApiModel):
    """One attempt to promote one revision."""

    record: Word
    """Name of the PromotionRecord of this rollout."""
    step: Annotated[int, Field(ge=0, le=100)] = 0
    """1 for the first step; 0 before the first weight."""
    steps: Annotated[int, Field(ge=0, le=100)] = 0
    """How many steps the policy has."""
    returning: bool = False
    """True when the rollout returns to the revision that was stable before: without steps and bake; readiness and
    capacity are still required."""
    retried: bool = False
    """True when the revision had been rejected, and a PromotionAction Retry let this rollout begin."""
    started_at: Time
    """When the rollout started."""
    routed_at: Time | None = None
    """When the gateway had accepted the route that names the candidate, at weight 0."""
    exposed_at: Time | None = None
    """When Serin decided to mirror requests to the candidate or to let previews reach it."""
    step_started_at: Time | None = None
    """When the gateway had accepted this step's weight, or the mirror of Shadowing; later by the time in which nothing
    could be found: stable was down, or Prometheus could not be read."""
    unknown_since: Time | None = None
    """Since when an SLO that is Critical or Required has had no usable data."""
    stable_replicas: Annotated[int, Field(ge=0, le=100000)] = 0
    """Ready replicas of stable when the rollout started."""
    stable_transformers: Annotated[int, Field(ge=0, le=100000)] | None = None
    """Ready replicas of stable's transformer when the rollout started; absent without one."""
    verdict: Stored[Verdict] | None = None
    reason: Stored[Reason]
    message: Text
    """What the rollout waits for or does, in a sentence with numbers."""
    since: Time
    """Since when ``reason`` has been the reason."""
    wake_at: Time | None = None
    """Deadline of this phase or step, if it has one."""
    outcome: Stored[Outcome] | None = None
    """How the rollout ends, as soon as that is decided."""
    cause: Stored[Reason] | None = None
    cause_message: Text | None = None
    """Why it ends as it does, in a sentence."""
    decided_at: Time | None = None
    """When ``outcome`` was decided, to the microsecond."""
    decided_weight: Annotated[int, Field(ge=0, le=100)] | None = None
    """Percent of traffic on the candidate when it was decided to take it back."""
    held: Held | None = None
    """The PromotionAction Hold that keeps this rollout where it is."""
    promote: Held | None = None
    """The PromotionAction Promote that replaces evidence: the candidate gets all traffic as soon as it can carry it."""
    advances: Annotated[list[OrOmitted[AdvancedStep]], Field(max_length=33)] = []
    """The PromotionActions Advance, each of which ended one step without the evidence."""
    gates: Annotated[
        list[OrOmitted[GateStatus]],
        Field(
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = []
    """The gates of the policy that have been asked, for the newest move for which each was asked."""
    blocked_since: Time | None = None
    """Since when the rollout has been blocked by something other than evidence, time or a person."""
    interruption: Interruption | None = None
    """Set while the candidate has no ready endpoint."""
    unread_since: Time | None = None
    """Since when Prometheus has not been readable: no clock of the evidence counts that time."""
    growth_since: Time | None = None
    """Since when a rollback waits for stable to scale out, if stable was down after ``decidedAt``."""
    stable_down: bool = False
    """True when the candidate takes all traffic because stable has no ready endpoint."""
    slos: Annotated[
        list[OrOmitted[SloStatus]],
        Field(
            max_length=32,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = []
    """Where the evidence stands, by SLO of the policy."""

    @property
    def attempt(self) -> int:
        """The number of this rollout among those of the ModelDeployment, which ends the record's name."""
        return int(self.record.rsplit("-", 1)[1])

    @property
    def exposed(self) -> bool:
        """Whether the candidate has been sent requests of any kind."""
        return self.step > 0 or self.exposed_at is not None

    @property
    def served_unrecorded(self) -> bool:
        """Whether it has served in place of a dead stable and taken no step: a record made late lacks no evidence."""
        return self.stable_down and self.step == 0

    @property
    def at_once(self) -> bool:
        """Whether all traffic goes over in one move: no steps, no bake."""
        return self.returning or self.stable_down or self.promote is not None

    @property
    def advanced(self) -> bool:
        """Whether a PromotionAction Advance has ended the shadow or step of now, or the last one, if that is over."""
        return any(advance.step == self.step for advance in self.advances)

    def gate(self, name: str) -> GateStatus | None:
        """Where the gate of that name stands; None if it has not been asked."""
        return next((gate for gate in self.gates if gate.name == name), None)

    @property
    def growing_since(self) -> Time | None:
        """Since when a rollback gives stable time to scale out, and the gateway time to accept 0 %."""
        return self.growth_since or self.decided_at

    @property
    def taken_back(self) -> bool:
        """Whether it was decided to take the candidate back; a word of a newer version is none that says so."""
        return self.outcome in {Outcome.ROLLED_BACK, Outcome.ABORTED, Outcome.SUPERSEDED}


class Rejection(ApiModel):
    """A revision that was taken back."""

    revision: Name
    """Name of the revision."""
    version: Word
    """The user's name for it: ``spec.model.version``."""
    hash: Sha256 | None = None
    """SHA-256 of its content."""
    at: Time
    """When it was taken back."""
    reason: Stored[Reason]
    record: Word
    """Name of the PromotionRecord that says why."""


class PendingOutcome(ApiModel):
    """The end of a rollout that is not written into its PromotionRecord yet."""

    record: Word
    """Name of the PromotionRecord that it will be written to."""
    revision: Name
    """The revision that was on trial."""
    outcome: Stored[Outcome]
    cause: Stored[Reason]
    message: Text
    """How it ended, in a sentence."""
    decided_at: Time
    """When the outcome was decided."""


class ModelDeploymentStatus(ApiModel):
    """What Serin knows and does. It is rebuilt from the HTTPRoute and the PromotionRecords when it is lost."""

    observed_generation: Annotated[int | None, BeforeValidator(_observed)] = None
    """The newest ``metadata.generation`` of spec that Serin has seen; -1: none yet."""
    phase: Stored[Phase] | None = None
    reason: Stored[Reason] | None = None
    """Why the ModelDeployment is where it is."""
    since: Time | None = None
    """Since when ``reason`` has been the reason."""
    message: Text | None = None
    """What is happening: the state, why, numbers, and what ends it."""
    summary: Annotated[str, Field(max_length=200)] | None = None
    """The same in at most 200 characters, for ``kubectl get``."""
    conditions: Annotated[
        list[OrOmitted[Condition]],
        Field(
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = []
    """The state in the form that tools wait for, such as ``kubectl wait``; each type once."""
    stable: RevisionRef | None = None
    candidate: RevisionRef | None = None
    previous: RevisionRef | None = None
    weights: Weights | None = None
    rollout: RolloutStatus | None = None
    rejected: Annotated[list[OrOmitted[Rejection]], Field(max_length=20)] = []
    """The revisions that were taken back, the newest 20; the PromotionRecords remember all."""
    draining: Annotated[list[OrOmitted[RevisionRef]], Field(max_length=20)] = []
    """Revisions without traffic whose InferenceService is deleted at ``until``."""
    stable_down_since: Time | None = None
    """Since when stable has had no ready endpoint."""
    stable_down_why: Annotated[str, Field(max_length=512)] | None = None
    """What kept stable's pods from being ready when that was first known in this outage."""
    write_failures: Annotated[list[OrOmitted[WriteFailure]], Field(max_length=16)] = []
    """The writes that failed when they were last tried."""
    pending_outcomes: Annotated[list[OrOmitted[PendingOutcome]], Field(max_length=20)] = []
    """The ends of rollouts that are not written into their PromotionRecords yet, newest first."""
    retry: Retry | None = None
    """Set from a PromotionAction Retry until the rollout that it asks for starts."""
    actions: Annotated[list[OrOmitted[AnsweredAction]], Field(max_length=20)] = []
    """The newest PromotionActions that were answered, newest first."""
    notifications: Annotated[list[OrOmitted[Notification]], Field(max_length=MOST_PENDING)] = []
    """Notifications that not all of their receivers have taken yet, oldest first; empty where nobody is to be told."""

    @property
    def is_torn(self) -> bool:
        """Whether a part that always stands beside another one is gone: somebody, or a restored backup, left it out."""
        return (self.candidate is None) is not (self.rollout is None)
