"""PromotionRecord: the evidence of one rollout. Written by Serin, outlives the ModelDeployment."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from serin.api.people import AnsweredAction, GateStatus
from serin.api.workload import OfWorkload
from serin.schema.reasons import Outcome, Reason
from serin.schema.types import AnyName, ApiModel, Duration, FreeForm, Name, Sha256, Text, Time, User, Word, validations
from serin.schema.words import OrOmitted, Stored

MOST_ACTIONS = 20
MOST_ENTRIES = 200
"""Timeline entries, or holds, of one object; what is over goes on in the next part."""
MOST_GATE_RESULTS = 64


class RevisionSource(OfWorkload):
    """A revision with what the user wrote for it, so that it can be served again from the record alone."""

    digest: Word | None = None
    """Digest of the model, if the user or the URI gave one."""
    model: FreeForm
    """``spec.model`` as it was written."""
    predictor: FreeForm
    """``spec.predictor`` as it was written."""
    transformer: FreeForm | None = None
    """``spec.transformer`` as it was written; absent without one."""


class PolicySnapshot(ApiModel):
    """The policy as it was when the rollout started."""

    name: Word
    """Name of the PromotionPolicy."""
    hash: Word
    """sha256 of the canonical JSON of ``spec``."""
    spec: FreeForm
    """The ``spec`` of the PromotionPolicy."""


class RequestedBy(ApiModel):
    """Who asked for the candidate's revision, as the ModelDeployment told it when the rollout started."""

    field_manager: Word | None = None
    """The field manager that last wrote ``spec.model``, ``spec.predictor`` or ``spec.transformer``
    (``metadata.managedFields``): the name of a tool, chosen by whoever runs it. It proves no person."""
    user: User | None = None
    """The annotation ``serin.dev/requested-by``. It is proven only if an admission policy, in force when spec was
    changed, demanded that it is the authenticated user."""


class PromotionRecordSpec(ApiModel):
    """What is fixed when the rollout starts. Immutable."""

    model_deployment: Name
    """Name of the ModelDeployment."""
    attempt: Annotated[int, Field(ge=1, le=1_000_000)]
    """Number of the rollout among those of the ModelDeployment, from 1."""
    candidate: RevisionSource
    stable: RevisionSource | None = None
    """Absent on the first deployment."""
    policy: PolicySnapshot | None = None
    """Absent on the first deployment, which has nothing to be compared with."""
    judge_version: Word
    """Version of the judge when the rollout started."""
    started_at: Time
    """When the rollout started."""
    requested_by: RequestedBy | None = None
    """Absent in records of an earlier Serin, and where the ModelDeployment does not tell it."""
    missing_attempts: Annotated[list[int], Field(max_length=100)] | None = None
    """Earlier attempts that had no PromotionRecord when this one was written, the newest 100: the retention rule, or
    somebody, deleted them."""
    continues: AnyName | None = None
    """Set on a further part: the PromotionRecord whose windows, timeline and holds go on here."""
    part: Annotated[int, Field(ge=2, le=100_000)] | None = None
    """Number of a further part; the record itself is part 1."""
    previous_part_hash: Sha256 | None = None
    """On part 3 and later: ``status.hash`` of the part before it."""

    model_config: ClassVar = {
        "json_schema_extra": validations(("self == oldSelf", "the facts of a PromotionRecord never change"))
    }


class TimelineEntry(ApiModel):
    """A decision: the weight from then on, and why."""

    at: Time
    """When it was decided."""
    weight: Annotated[int, Field(ge=0, le=100)]
    """Percent of traffic on the candidate from then on."""
    reason: Stored[Reason]
    message: Text
    """Why, in a sentence."""
    shadow: bool | None = None
    """True while the candidate got mirrored requests or previews and no weight."""


class WindowBlock(ApiModel):
    """Sealed windows of one SLO, in order."""

    slo: Name
    """Name of the SLO in the policy."""
    start: Time
    """Start of the first window."""
    seconds: Annotated[int, Field(ge=1, le=300)]
    """Length of each window."""
    counts: Annotated[str, Field(max_length=8192)]
    """Windows separated by spaces, each as ``candidate bad/total,stable bad/total``; ``-`` for no data, ``!`` for a
    window that could not be read."""


ImageName = Annotated[str, Field(max_length=1024)]


class ServedArm(ApiModel):
    """What an arm ran, as its pods and its InferenceService told it when the rollout began."""

    image: ImageName | None = None
    """The image of the container that serves the model, as the pod asks for it."""
    image_id: ImageName | None = None
    """The same by digest, as the node pulled it."""
    runtime: Word | None = None
    """The ServingRuntime that ``spec.predictor.model.runtime`` names, or that KServe chose."""


class ServedArms(ApiModel):
    """What both arms ran."""

    candidate: ServedArm | None = None
    stable: ServedArm | None = None


class HoldEntry(ApiModel):
    """A time in which something kept the rollout from moving forward."""

    reason: Stored[Reason]
    message: Annotated[str, Field(max_length=512)]
    """As it was when the hold began."""
    since: Time
    """When it began."""
    until: Time | None = None
    """Absent while it lasts. One that comes back within a minute for the same reason goes on: see ``times``."""
    times: Annotated[int, Field(ge=1)] = 1
    """How often it began."""


class ChainStart(ApiModel):
    """Why a finished record is the first of a chain, although others may have been there before it."""

    reason: Annotated[str, Field(max_length=64)]
    """``FirstRecord``: no other is there, and none was. ``PreviousWithoutHash``: those before were finished by a Serin
    that wrote no hash, or are not finished. ``PreviousMissing``: those before were deleted. ``PreviousUnreadable``: the
    records could not be listed for two minutes, and the outcome was not to wait any longer."""
    message: Annotated[str, Field(max_length=512)]
    """The same in a sentence."""


class RollbackCost(ApiModel):
    """What a candidate that was taken back has cost, as counted by the SLO that it broke, else by the first one."""

    slo: Name
    """Name of the SLO whose counts these are."""
    requests: int
    """Requests that the candidate answered."""
    bad_requests: int
    """Those of them that were bad."""
    excess_bad_requests: int
    """Bad requests beyond those that stable would have had with as many requests; at least 0."""


class PromotionRecordStatus(ApiModel):
    """How the rollout went."""

    outcome: Stored[Outcome] | None = None
    reason: Stored[Reason] | None = None
    message: Text | None = None
    """How it ended, in a sentence."""
    decided_at: Time | None = None
    """When the outcome was decided, to the microsecond."""
    finished_at: Time | None = None
    """When the record was finished; it never changes from then on."""
    judge_version: Word | None = None
    """Version of the judge that decided. A Serin that is upgraded in mid-rollout judges all windows again."""
    first_breach_at: Time | None = None
    """End of the first window that crossed the breach threshold."""
    actions: Annotated[list[AnsweredAction], Field(max_length=MOST_ACTIONS)] = []
    """The PromotionActions on this rollout, oldest first."""
    gates: Annotated[list[GateStatus], Field(max_length=MOST_GATE_RESULTS)] = []
    """The gates of the policy that opened or ended the rollout: who, when, why, for which move; oldest first."""
    timeline: Annotated[list[TimelineEntry], Field(max_length=MOST_ENTRIES)] = []
    """The decisions of the rollout, oldest first; older ones may be in the parts."""
    holds: Annotated[list[OrOmitted[HoldEntry]], Field(max_length=MOST_ENTRIES)] = []
    """What kept the rollout from moving forward, and when, oldest first. Older ones may be in the parts."""
    served: ServedArms | None = None
    """What the arms ran; absent where no pod told it."""
    blocks: Annotated[list[WindowBlock], Field(max_length=2000)] = []
    """The windows of counts that the verdicts rest on, by SLO, in order."""
    parts: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """How many objects the record has: this one, and those that continue it (``NAME-part-2`` …). Absent for 1."""
    requests: Annotated[dict[str, int], Field(max_length=32)] = {}
    """Requests that the candidate answered, by SLO."""
    bad_requests: Annotated[dict[str, int], Field(max_length=32)] = {}
    """Bad ones among ``requests``, by SLO."""
    counted_until: Time | None = None
    """Where the candidate was taken back: end of the windows whose requests are counted. Later ones are in none."""
    exposed_at: Time | None = None
    """When the candidate was first sent requests of any kind, by weight, mirror or preview."""
    detection_delay: Duration | None = None
    """Where the candidate was taken back: from ``exposedAt`` to ``decidedAt``. A fault of the candidate was acted on
    after at most this time."""
    cost: RollbackCost | None = None
    """Present where a candidate that had answered requests was taken back."""
    incomplete: Text | None = None
    """What is not in this record and its parts, and why; absent where nothing is missing."""
    last_part_hash: Sha256 | None = None
    """``status.hash`` of the last part, which states that of the part before it (``spec.previousPartHash``)."""
    previous_hash: Sha256 | None = None
    """``status.hash`` of the record of this ModelDeployment that was finished before this one."""
    chain_start: ChainStart | None = None
    """Present where there is no ``previousHash``."""
    hash: Sha256 | None = None
    """SHA-256, as hex, of the canonical JSON (RFC 8785) of ``name``, ``namespace``, ``spec`` and ``status`` without
    this field. Written with ``finishedAt``."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            ("!has(oldSelf.finishedAt) || self == oldSelf", "a finished PromotionRecord never changes")
        )
    }


class PromotionRecord(ApiModel):
    """Kind PromotionRecord (``prec``)."""

    spec: PromotionRecordSpec
    status: PromotionRecordStatus = Field(default_factory=PromotionRecordStatus)
