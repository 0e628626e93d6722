"""ModelDeployment: one model in one environment, and the story of how its newest revision gets there."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field, WithJsonSchema

from serin.api.conditions import Condition
from serin.api.promotion_policy import Severity
from serin.api.reasons import Outcome, Phase, Reason, Verdict
from serin.api.types import ApiModel, Duration, FreeForm, Name, Text, Time, Uri, Word, validations

LABEL_VALUE = r"^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
OBJECT_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=OBJECT_NAME)]
"""A name of a Kubernetes object (RFC 1123)."""
HOSTNAME = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
RESERVED_KEYS = ("serin.dev/", "serving.kserve.io/")
SCALING_FIELDS = (
    "minReplicas",
    "maxReplicas",
    "scaleTarget",
    "scaleMetric",
    "scaleMetricType",
    "autoScaling",
    "deploymentStrategy",
)
"""Fields of KServe's predictor that are outside the revision: they apply in place, at once, ungated."""

PREDICTOR_RULES = validations(
    ("!has(self.canaryTrafficPercent)", "canaryTrafficPercent is Serin's to decide; leave it out"),
    ("!has(self.name)", "predictor.name is Serin's to set; leave it out"),
    ("!has(self.workerSpec)", "workerSpec (multi-node) is not supported"),
    (
        "!has(self.model) || !has(self.model.storageUri)",
        "predictor.model.storageUri is set from spec.model.uri; write the URI there",
    ),
    (
        "has(self.model) != has(self.containers)",
        "give exactly one of predictor.model and predictor.containers",
    ),
)

PREDICTOR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": True,
    # Only what the rules name is declared; the rest is KServe's and is checked by a dry run.
    "properties": {
        "canaryTrafficPercent": {"type": "integer"},
        "name": {"type": "string", "maxLength": 253},
        "workerSpec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "model": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {
                "storageUri": {"type": "string", "maxLength": 2048},
                "runtime": {"type": "string", "maxLength": 253},
                "args": {"type": "array", "maxItems": 256, "items": {"type": "string", "maxLength": 32768}},
            },
        },
        "labels": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 63}},
        "annotations": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 65536}},
        "containers": {
            "type": "array",
            "minItems": 1,
            "maxItems": 32,
            "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    },
    **PREDICTOR_RULES,
}


class Mode(StrEnum):
    """How KServe deploys the model."""

    STANDARD = "Standard"


class OnNewRevision(StrEnum):
    """What a revision does that arrives during a rollout of another one."""

    SUPERSEDE = "Supersede"
    QUEUE = "Queue"


class ModelRef(ApiModel):
    """The model artefact."""

    version: Annotated[str, Field(max_length=63, pattern=LABEL_VALUE)]
    """The user's name for this version; a legal label value."""
    uri: Uri
    """Any storage URI that KServe takes."""
    digest: Annotated[str, Field(max_length=140, pattern=r"^sha(256|512):[a-f0-9]{16,128}$")] | None = None
    """Content digest of the artefact, if known."""
    served_name: Annotated[str, Field(max_length=63, pattern=LABEL_VALUE)] | None = None
    """The model name that the runtime answers to, for runtimes that Serin cannot tell it to; default: metadata.name
    is passed to KServe's Python servers and to MLServer."""


class ParentRef(ApiModel):
    """The Gateway (and listener) that carries the route."""

    name: ObjectName
    namespace: ObjectName | None = None
    section_name: ObjectName | None = None


class Route(ApiModel):
    """How clients reach the model."""

    hostnames: Annotated[
        list[Annotated[str, Field(max_length=253, pattern=HOSTNAME)]], Field(min_length=1, max_length=16)
    ]
    parent_ref: ParentRef
    timeout: Duration = timedelta(seconds=60)
    """Longest time a request may take; also how long an arm is drained after its weight became 0."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            ("!has(self.timeout) || duration(self.timeout) >= duration('1s')", "timeout is at least 1s")
        )
    }


class PolicyRef(ApiModel):
    """A PromotionPolicy in the same namespace."""

    name: ObjectName


class ModelDeploymentSpec(ApiModel):
    """What the user asks to serve. Serin never writes it."""

    model: ModelRef
    predictor: Annotated[
        dict[str, Any],
        WithJsonSchema(PREDICTOR_SCHEMA),
    ]
    """KServe's PredictorSpec, passed through; ``storageUri`` and ``name`` are Serin's. A change of anything but the
    scaling fields is a new revision."""
    mode: Mode = Mode.STANDARD
    """Immutable."""
    route: Route
    policy_ref: PolicyRef
    on_new_revision: OnNewRevision = OnNewRevision.SUPERSEDE
    """What happens when spec changes again during a rollout."""
    paused: bool = False
    """No new rollout and no forward move; the breach watch, rollback and repair go on."""

    model_config: ClassVar = {"json_schema_extra": validations(("self.mode == oldSelf.mode", "mode is immutable"))}


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
    severity: Severity
    verdict: Verdict
    candidate: ArmCounts
    stable: ArmCounts
    evidence: Annotated[dict[str, Word], Field(max_length=8)]
    """``e1`` worse than stable, ``e2`` breaks the objective, ``e3`` not worse than stable, ``e4`` keeps it."""
    threshold: Word
    """``e1`` and ``e2`` both at or above this: rolled back."""
    pass_threshold: Word
    """``e3`` or ``e4`` at or above this: passed."""
    message: Text


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
    step_started_at: Time | None = None
    """When the gateway had accepted this step's weight."""
    unknown_since: Time | None = None
    """Since when an SLO that decides has no usable data."""
    stable_replicas: Annotated[int, Field(ge=0, le=100000)] = 0
    """R0: ready replicas of stable when the rollout started."""
    verdict: Verdict | None = None
    reason: Reason
    message: Text
    since: Time
    """Since when ``reason`` holds."""
    wake_at: Time | None = None
    """When waiting ends by itself, if it does: the deadline of this phase or step."""
    outcome: Outcome | None = None
    """Set once the rollout is decided against; the phase is then RollingBack."""
    cause: Reason | None = None
    cause_message: Text | None = None
    decided_at: Time | None = None
    """When ``outcome`` was decided, to the microsecond."""
    slos: Annotated[
        list[SloStatus],
        Field(
            max_length=32,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = []


class Rejection(ApiModel):
    """A revision that was taken back."""

    revision: Name
    version: Word
    at: Time
    reason: Reason
    record: Word


class ModelDeploymentStatus(ApiModel):
    """What Serin knows and does. It can be rebuilt from the route and the records."""

    observed_generation: int | None = None
    phase: Phase | None = None
    message: Text | None = None
    """What is happening, in a sentence."""
    conditions: Annotated[
        list[Condition],
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
    rejected: Annotated[list[Rejection], Field(max_length=20)] = []
    draining: Annotated[list[RevisionRef], Field(max_length=20)] = []
    """Arms without weight whose InferenceService is deleted at ``until``."""


class ModelDeployment(ApiModel):
    """Kind ModelDeployment (``mdep``)."""

    spec: ModelDeploymentSpec
    status: ModelDeploymentStatus = Field(default_factory=ModelDeploymentStatus)


__all__ = [
    "SCALING_FIELDS",
    "FreeForm",
    "ModelDeployment",
    "ModelDeploymentSpec",
    "ModelDeploymentStatus",
    "RevisionRef",
    "RolloutStatus",
    "SloStatus",
    "Weights",
]
