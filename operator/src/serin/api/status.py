"""What Serin knows and does about a ModelDeployment; it can be rebuilt from the route and the records."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from serin.api.conditions import Condition
from serin.api.promotion_action import ActionKind, ActionOutcome
from serin.schema.choices import Severity
from serin.schema.reasons import Outcome, Phase, Reason, Verdict
from serin.schema.types import AnyName, ApiModel, Name, Text, Time, User, Word
from serin.schema.words import OrOmitted, Stored

NEVER_OBSERVED = -1
"""What the API server fills in where there is no status yet (a default in the CRD).

Tools that wait for an object (kstatus, and so Flux) take one without any status for done. To Serin it is no status.
"""


def _observed(value: object) -> object:
    return None if value == NEVER_OBSERVED else value


class RevisionRef(ApiModel):
    """A revision and the InferenceService that serves it."""

    revision: Name
    version: Word
    inference_service: Name
    since: Time | None = None
    until: Time | None = None
    template: Word | None = None
    """Hash of its pods' template, as Kubernetes labels them; it changes when KServe renders the pods anew."""


class Weights(ApiModel):
    """Percent of traffic on the candidate."""

    desired: Annotated[int, Field(ge=0, le=100)] = 0
    applied: Annotated[int, Field(ge=0, le=100)] = 0
    """What the gateway has accepted."""
    observed: Word | None = None
    """The share that the counts of the newest window show, in percent."""


class ArmCounts(ApiModel):
    """Requests of one arm since the rollout began."""

    bad: int
    total: int


class SloStatus(ApiModel):
    """Where the evidence for one SLO stands. Evidence is log10 of the e-value, rounded to 1e-6, as a string."""

    name: Name
    severity: Stored[Severity]
    verdict: Stored[Verdict]
    candidate: ArmCounts
    stable: ArmCounts
    evidence: Annotated[dict[str, Word], Field(max_length=8)]
    """``e1`` worse than stable, ``e2`` breaks the objective, ``e3`` not worse than stable, ``e4`` keeps it."""
    threshold: Word
    """``e1`` and ``e2`` both at or above this: rolled back."""
    pass_threshold: Word
    """``e3`` or ``e4`` at or above this: passed."""
    message: Text


class Held(ApiModel):
    """Somebody's word on a rollout: a Hold, or a Promote."""

    by: User
    at: Time
    action: AnyName
    """Name of the PromotionAction."""
    reason: Annotated[str, Field(max_length=512)] | None = None


class AnsweredAction(ApiModel):
    """A PromotionAction and what came of it."""

    name: AnyName
    uid: Word
    action: Stored[ActionKind]
    rollout: Word | None = None
    """The record of the rollout that it was about, or that a Retry began."""
    by: User
    reason: Annotated[str, Field(max_length=512)] | None = None
    ticket: Word | None = None
    outcome: Stored[ActionOutcome]
    message: Text
    at: Time


class Retry(ApiModel):
    """A rejected revision that may be tried again, once."""

    revision: Name
    asked: AnsweredAction
    """For the record of the rollout."""


class Interruption(ApiModel):
    """The candidate lost its last ready endpoint: its weight is 0 until it is ready again, or taken back."""

    at: Time
    weight: Annotated[int, Field(ge=0, le=100)]
    """Percent that it had, and gets back."""
    ready_at: Time | None = None
    """Since when it is ready again; the gateway needs a moment to learn of its endpoints."""
    cause: Stored[Reason] | None = None
    """What the cluster did to it, if that was seen: the pod that told it may be gone when the grace is over."""
    cause_message: Annotated[str, Field(max_length=512)] | None = None


class WriteFailure(ApiModel):
    """Something that Serin decided and could not write."""

    act: Word
    """What was to be written: ``HTTPRoute``, ``PromotionRecord``, ``InferenceService``, ``Scaling``, ``Deletion``,
    ``PromotionAction`` or ``Event``."""
    name: AnyName
    """Of the object."""
    reason: Stored[Reason]
    message: Annotated[str, Field(max_length=1024)]
    """The server's words."""
    since: Time


class RolloutStatus(ApiModel):
    """One attempt to promote one revision."""

    record: Word
    step: Annotated[int, Field(ge=0, le=100)] = 0
    """1 for the first step; 0 before the first weight."""
    steps: Annotated[int, Field(ge=0, le=100)] = 0
    returning: bool = False
    """To the revision that was stable before: no steps and no bake, but readiness and capacity."""
    started_at: Time
    routed_at: Time | None = None
    """When the gateway had accepted the route that names the candidate, still at 0 %."""
    exposed_at: Time | None = None
    """When it was decided to mirror requests to the candidate or to let previews reach it."""
    step_started_at: Time | None = None
    """When the gateway had accepted this step's weight, or the mirror of Shadowing."""
    unknown_since: Time | None = None
    """Since when an SLO that decides has no usable data."""
    stable_replicas: Annotated[int, Field(ge=0, le=100000)] = 0
    """R0: ready replicas of stable when the rollout started."""
    verdict: Stored[Verdict] | None = None
    reason: Stored[Reason]
    message: Text
    since: Time
    """Since when ``reason`` holds."""
    wake_at: Time | None = None
    """When waiting ends by itself, if it does: the deadline of this phase or step."""
    outcome: Stored[Outcome] | None = None
    """Set once the rollout is decided against; the phase is then RollingBack."""
    cause: Stored[Reason] | None = None
    cause_message: Text | None = None
    decided_at: Time | None = None
    """When ``outcome`` was decided, to the microsecond."""
    decided_weight: Annotated[int, Field(ge=0, le=100)] | None = None
    """Percent on the candidate when it was decided to take it back."""
    held: Held | None = None
    """Somebody holds this rollout by a PromotionAction."""
    promote: Held | None = None
    """Somebody's word instead of evidence, by a PromotionAction: all traffic as soon as the candidate can carry it."""
    blocked_since: Time | None = None
    """Since when something other than evidence, time or a person has kept the rollout where it is."""
    interruption: Interruption | None = None
    """While the candidate has no ready endpoint."""
    stable_down: bool = False
    """The candidate takes all traffic because stable has no ready endpoint."""
    slos: Annotated[
        list[OrOmitted[SloStatus]],
        Field(
            max_length=32,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = []

    @property
    def exposed(self) -> bool:
        """Whether the candidate has been sent requests of any kind."""
        return self.step > 0 or self.exposed_at is not None

    @property
    def at_once(self) -> bool:
        """Whether all traffic goes over in one move: no steps, no bake."""
        return self.returning or self.stable_down or self.promote is not None

    @property
    def taken_back(self) -> bool:
        """Whether it was decided to take the candidate back; a word of a newer version is none that says so."""
        return self.outcome in {Outcome.ROLLED_BACK, Outcome.ABORTED, Outcome.SUPERSEDED}


class Rejection(ApiModel):
    """A revision that was taken back."""

    revision: Name
    version: Word
    at: Time
    reason: Stored[Reason]
    record: Word


class PendingOutcome(ApiModel):
    """How a rollout ended whose PromotionRecord does not say so yet."""

    record: Word
    revision: Name
    outcome: Stored[Outcome]
    cause: Stored[Reason]
    message: Text
    decided_at: Time


class ModelDeploymentStatus(ApiModel):
    """What Serin knows and does. It can be rebuilt from the route and the records."""

    observed_generation: Annotated[int | None, BeforeValidator(_observed)] = None
    phase: Stored[Phase] | None = None
    reason: Stored[Reason] | None = None
    """Why the ModelDeployment is where it is."""
    since: Time | None = None
    """Since when ``reason`` holds."""
    message: Text | None = None
    """What is happening, in a sentence."""
    conditions: Annotated[
        list[OrOmitted[Condition]],
        Field(
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = []
    stable: RevisionRef | None = None
    candidate: RevisionRef | None = None
    previous: RevisionRef | None = None
    weights: Weights | None = None
    rollout: RolloutStatus | None = None
    rejected: Annotated[list[OrOmitted[Rejection]], Field(max_length=20)] = []
    draining: Annotated[list[OrOmitted[RevisionRef]], Field(max_length=20)] = []
    """Arms without weight whose InferenceService is deleted at ``until``."""
    stable_down_since: Time | None = None
    """Since when stable is known to have no ready endpoint."""
    write_failures: Annotated[list[OrOmitted[WriteFailure]], Field(max_length=16)] = []
    """What was decided and could not be written in the newest pass that tried."""
    pending_outcomes: Annotated[list[OrOmitted[PendingOutcome]], Field(max_length=20)] = []
    """Ends of rollouts that could not be written into their records yet, newest first."""
    retry: Retry | None = None
    """Until the rollout that it asks for begins."""
    actions: Annotated[list[OrOmitted[AnsweredAction]], Field(max_length=20)] = []
    """The newest PromotionActions, newest first."""
