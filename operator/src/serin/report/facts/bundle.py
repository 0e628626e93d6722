"""The incident bundle: what may be told of one rollout, for people, pipelines and agents. Its schema is published.

Every field is named here: what is not, leaves no record. All texts are masked, in one line and bounded.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from serin.schema.types import ApiModel, Time

BUNDLE_VERSION: Final = "cli.serin.dev/v1"
MOST_BYTES = 100 * 1024 - 1
"""A bundle is smaller than 100 KiB, whatever the record holds."""
LONGEST_TEXT = 400
Told = Annotated[str, Field(max_length=LONGEST_TEXT)]
QueryText = Annotated[str, Field(max_length=2000)]


class RecordFacts(ApiModel):
    """Which record it is, and what of it is here."""

    namespace: Told
    name: Told
    model_deployment: Told
    attempt: int
    finished: bool
    """Whether the record never changes any more."""
    judge_version: Told
    """The judge that decided."""
    hash: Told | None
    """As the record states it."""
    hash_holds: bool | None
    """Whether the content has that hash; null where there is none to compare."""
    findings: list[Told]
    """What a check of the record and its parts found wrong (``serin verify``); empty if nothing."""
    parts: int
    parts_here: int


class Course(ApiModel):
    """How the rollout went, in one word and in its times."""

    state: Told
    """``Promoted``, ``RolledBack``, ``Aborted``, ``Superseded``, a word of another version, or ``UnderWay``."""
    reason: Told | None
    meaning: Told
    """What the reason means; empty for a word of another version."""
    message: Told
    """In numbers, as the record has it."""
    started_at: Time
    exposed_at: Time | None
    """When the candidate was first sent requests of any kind."""
    first_breach_at: Time | None
    """End of the window that proved the breach."""
    decided_at: Time | None
    finished_at: Time | None


class Requester(ApiModel):
    """Who asked for the revision, as far as the ModelDeployment told it."""

    user: Told | None
    field_manager: Told | None
    contact: Told | None = None
    """Whom to ask about the model, as its ModelDeployment said when the rollout started."""


class RevisionFacts(ApiModel):
    """One revision."""

    version: Told
    revision: Told
    hash: Told | None
    digest: Told | None
    """The digest of the model, pinned or declared; null if it is not known."""
    uri: Told | None
    """Without user, password and parameters."""
    workload: Told
    image: Told | None
    """What the arm ran, as its pods told it."""
    image_id: Told | None
    runtime: Told | None


class Requests(ApiModel):
    """What the candidate answered, as one SLO counted it."""

    slo: Told
    requests: int
    bad: int


class Exposure(ApiModel):
    """For how long the candidate had a weight."""

    weight: int
    seconds: float


class Impact(ApiModel):
    """Who was hurt."""

    requests: list[Requests]
    """Of the whole rollout, also after the breach was proven."""
    counted_until: Time | None
    """Where the candidate was taken back: up to when its requests are counted; later ones are in no number."""
    counted_by: Told | None
    """The SLO by which the excess is counted."""
    excess_bad: int | None
    """Bad requests beyond those that stable would have had with as many requests."""
    highest_weight: int
    exposure: list[Exposure]
    detection_seconds: float | None
    """From the candidate's first request to the decision to take it back."""
    held_seconds: float
    """How long something held the rollout, holds that overlap counted once."""


class Evidence(ApiModel):
    """One test of the judge."""

    test: Told
    meaning: Told
    log10: float | None


class SloFacts(ApiModel):
    """One SLO of the policy, as it stood after the last window that was judged."""

    name: Told
    severity: Told
    indicator: Told
    objective: Told | None
    """Percent of events that must be good."""
    runbook: Told | None
    verdict: Told | None
    """Null where no window could be judged."""
    reason: Told | None
    candidate_bad: int
    candidate_total: int
    stable_bad: int
    stable_total: int
    evidence: list[Evidence]
    roll_back_at: float | None
    """log10 of the e-value that proves a breach."""
    pass_at: float | None
    breached_at: Time | None
    message: Told
    windows: int
    windows_without_data: int
    windows_unreadable: int


class Curve(ApiModel):
    """The windows of one SLO in order, made coarser where there are many: counts added up, evidence at its highest."""

    slo: Told
    start: Time
    windows: int
    windows_per_point: int
    seconds: list[float]
    """End of each point, in seconds after ``start``."""
    candidate_bad: list[int]
    candidate_total: list[int]
    stable_bad: list[int]
    stable_total: list[int]
    values: list[float | None]
    """The value of a gauge, a query or a mean; empty for SLOs that count."""
    evidence: dict[str, list[float | None]]
    """log10 of the e-value, by test."""
    passing: list[float | None]
    """What there is of ``pass_at``."""
    roll_back_at: list[float]
    pass_at: float


class Replayed(ApiModel):
    """Whether the evidence, judged again, leads to the outcome (``serin replay``)."""

    answer: Told
    recorded: Told
    recomputed: Told
    note: Told
    judge_version: Told
    """The judge that judged again: this program's."""


class Moment(ApiModel):
    """One line of the timeline."""

    at: Time
    what: Told
    reason: Told | None
    weight: int | None
    """Percent on the candidate from then on, where the line says so."""
    source: Told
    """The field of the record."""


class HoldFacts(ApiModel):
    """What kept the rollout from moving forward."""

    reason: Told
    meaning: Told
    message: Told
    since: Time
    until: Time | None
    seconds: float | None
    times: int


class GateFacts(ApiModel):
    """A gate of the policy."""

    name: Told
    kind: Told
    before: Told
    step: int
    state: Told
    """``NotAsked`` where the record has no result."""
    since: Time | None
    at: Time | None
    by: list[Told]
    message: Told


class ActionFacts(ApiModel):
    """What somebody said about the rollout."""

    action: Told
    by: Told
    at: Time
    gate: Told | None
    reason: Told | None
    ticket: Told | None
    outcome: Told
    message: Told


class Change(ApiModel):
    """A field in which two revisions, or two policies, differ."""

    field: Told
    before: Told | None
    """Null where it was absent, or where the value is not told."""
    after: Told | None
    told: bool
    """Whether the values are told: only those of a list of fields are."""


class Changes(ApiModel):
    """What changed."""

    revision: list[Change]
    stable_known: bool
    """Whether what stable serves is known: it may stand in an earlier record."""
    policy: Told | None
    policy_hash: Told | None
    policy_before: Told | None
    """Hash of the policy of the rollout before; null if that is not here."""
    policy_fields: list[Change]
    record_before: Told | None


class Asked(ApiModel):
    """What Serin asks Prometheus."""

    of: Told
    """The SLO or the gate."""
    what: Told
    text: QueryText


class Missing(ApiModel):
    """What the record does not say, and how the next one would."""

    what: Told
    cure: Told


class Redaction(ApiModel):
    """What was taken out of texts."""

    texts: int
    masked: int
    """Texts in which something was hidden."""


class Bundle(ApiModel):
    """The incident bundle of one rollout. Every number in it is the record's, or follows from it."""

    api_version: Literal["cli.serin.dev/v1"] = BUNDLE_VERSION
    kind: Literal["IncidentBundle"] = "IncidentBundle"
    record: RecordFacts
    course: Course
    requester: Requester
    candidate: RevisionFacts
    stable: RevisionFacts | None
    impact: Impact
    slos: list[SloFacts]
    replay: Replayed | None
    """Null where nothing could be judged again; ``missing`` says why."""
    curves: list[Curve]
    timeline: list[Moment]
    holds: list[HoldFacts]
    gates: list[GateFacts]
    actions: list[ActionFacts]
    changes: Changes
    queries: list[Asked]
    missing: list[Missing]
    oddities: list[Told]
    """Times that cannot be in this order."""
    omitted: list[Told]
    """What is in the record and was left out here, because a bundle is small."""
    redaction: Redaction
