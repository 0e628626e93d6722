"""PromotionRecord: the evidence of one rollout. Written by Serin, outlives the ModelDeployment."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from serin.api.status import AnsweredAction, GateStatus
from serin.api.workload import OfWorkload
from serin.schema.reasons import Outcome, Reason
from serin.schema.types import ApiModel, FreeForm, Name, Text, Time, User, Word, validations
from serin.schema.words import Stored

MOST_ACTIONS = 20
MOST_GATE_RESULTS = 64


class RevisionSource(OfWorkload):
    """A revision with what the user wrote for it, so that it can be served again from the record alone."""

    digest: Word | None = None
    model: FreeForm
    predictor: FreeForm


class PolicySnapshot(ApiModel):
    """The policy as it was when the rollout started."""

    name: Word
    hash: Word
    """sha256 of the canonical JSON of ``spec``."""
    spec: FreeForm


class RequestedBy(ApiModel):
    """Who asked for the candidate's revision, as the ModelDeployment told it when the rollout started."""

    field_manager: Word | None = None
    """The field manager that last wrote ``spec.model`` or ``spec.predictor`` (``metadata.managedFields``): the name of
    a tool, chosen by whoever runs it. It proves no person."""
    user: User | None = None
    """The annotation ``serin.dev/requested-by``. It is proven only if an admission policy, in force when spec was
    changed, demanded that it is the authenticated user."""


class PromotionRecordSpec(ApiModel):
    """What is fixed when the rollout starts. Immutable."""

    model_deployment: Name
    attempt: Annotated[int, Field(ge=1, le=1_000_000)]
    candidate: RevisionSource
    stable: RevisionSource | None = None
    """Absent on the first deployment."""
    policy: PolicySnapshot | None = None
    """Absent on the first deployment, which has nothing to be compared with."""
    judge_version: Word
    started_at: Time
    requested_by: RequestedBy | None = None
    """Absent in records of an earlier Serin, and where the ModelDeployment does not tell it."""
    missing_attempts: Annotated[list[int], Field(max_length=100)] | None = None
    """Earlier attempts that had no PromotionRecord when this one was written, the newest 100: the retention rule, or
    somebody, deleted them."""

    model_config: ClassVar = {
        "json_schema_extra": validations(("self == oldSelf", "the facts of a PromotionRecord never change"))
    }


class TimelineEntry(ApiModel):
    """A decision: the weight from then on, and why."""

    at: Time
    weight: Annotated[int, Field(ge=0, le=100)]
    reason: Stored[Reason]
    message: Text
    shadow: bool | None = None
    """True while the candidate got mirrored requests or previews and no weight."""


class WindowBlock(ApiModel):
    """Sealed windows of one SLO, in order."""

    slo: Name
    start: Time
    """Start of the first window."""
    seconds: Annotated[int, Field(ge=1, le=300)]
    """Length of each window."""
    counts: Annotated[str, Field(max_length=8192)]
    """Windows separated by spaces, each as ``candidate bad/total,stable bad/total``; ``-`` for no data, ``!`` for a
    window that could not be read."""


class PromotionRecordStatus(ApiModel):
    """How the rollout went."""

    outcome: Stored[Outcome] | None = None
    reason: Stored[Reason] | None = None
    message: Text | None = None
    decided_at: Time | None = None
    """When the outcome was decided, to the microsecond."""
    finished_at: Time | None = None
    judge_version: Word | None = None
    """Version of the judge that decided. A Serin that is upgraded in mid-rollout judges all windows again."""
    first_breach_at: Time | None = None
    """End of the first window that crossed the breach threshold."""
    actions: Annotated[list[AnsweredAction], Field(max_length=MOST_ACTIONS)] = []
    """The PromotionActions on this rollout, oldest first."""
    gates: Annotated[list[GateStatus], Field(max_length=MOST_GATE_RESULTS)] = []
    """The gates of the policy that opened or ended the rollout: who, when, why, for which move; oldest first."""
    timeline: Annotated[list[TimelineEntry], Field(max_length=200)] = []
    blocks: Annotated[list[WindowBlock], Field(max_length=2000)] = []
    requests: Annotated[dict[str, int], Field(max_length=32)] = {}
    """Requests that the candidate answered, by SLO."""
    bad_requests: Annotated[dict[str, int], Field(max_length=32)] = {}

    model_config: ClassVar = {
        "json_schema_extra": validations(
            ("!has(oldSelf.finishedAt) || self == oldSelf", "a finished PromotionRecord never changes")
        )
    }


class PromotionRecord(ApiModel):
    """Kind PromotionRecord (``prec``)."""

    spec: PromotionRecordSpec
    status: PromotionRecordStatus = Field(default_factory=PromotionRecordStatus)
