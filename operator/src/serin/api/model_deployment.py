"""ModelDeployment: one model in one environment, and the story of how its newest revision gets there."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field, WithJsonSchema

from serin.api.status import NEVER_OBSERVED, ModelDeploymentStatus
from serin.schema.types import DNS_LABEL, OBJECT_NAME, ApiModel, Duration, Uri, validations

LABEL_VALUE = r"^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
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

_FREE = {"type": "object", "nullable": True, "x-kubernetes-preserve-unknown-fields": True}
_COUNT = {"type": "integer", "nullable": True, "format": "int32"}
_WORD = {"type": "string", "nullable": True, "maxLength": 253}
SCALING_SCHEMA: dict[str, Any] = {
    "minReplicas": _COUNT | {"minimum": 0},
    "maxReplicas": _COUNT | {"minimum": 0},
    "scaleTarget": _COUNT,
    "scaleMetric": _WORD,
    "scaleMetricType": _WORD,
    "autoScaling": _FREE,
    "deploymentStrategy": _FREE,
}
"""They are outside the revision, so no dry run sees a change of them: the API server checks their types here. A
template may render an empty one as null."""

PREDICTOR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": True,
    # Only what the rules name is declared; the rest is KServe's and is checked by a dry run.
    "properties": {
        "canaryTrafficPercent": {"type": "integer"},
        "name": {"type": "string", "maxLength": 253},
        "workerSpec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        **SCALING_SCHEMA,
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
    KNATIVE = "Knative"


class OnNewRevision(StrEnum):
    """What a revision does that arrives during a rollout of another one."""

    SUPERSEDE = "Supersede"
    QUEUE = "Queue"


class ModelRef(ApiModel):
    """The model artefact."""

    version: Annotated[str, Field(max_length=63, pattern=LABEL_VALUE)]
    """Your name for this version; a valid label value."""
    uri: Uri
    """Where the model is stored: any storage URI that KServe supports."""
    digest: Annotated[str, Field(max_length=140, pattern=r"^sha(256|512):[a-f0-9]{16,128}$")] | None = None
    """Content digest of the artefact, if known."""
    served_name: Annotated[str, Field(max_length=63, pattern=LABEL_VALUE)] | None = None
    """The model name in the clients' URLs; default: metadata.name. Serin passes it to the servers that KServe ships,
    but not to Triton and TorchServe, which take the name from their model repository. A runtime of your own gets
    ``--model_name`` with metadata.name; if it refuses that argument, give the name that it serves here, and it gets
    none."""


class ParentRef(ApiModel):
    """The Gateway (and listener) that carries the route."""

    name: ObjectName
    namespace: ObjectName | None = None
    section_name: ObjectName | None = None


class Route(ApiModel):
    """How clients reach the model. In mode Knative the hostname is Knative's, and only ``timeout`` is used."""

    hostnames: Annotated[
        list[Annotated[str, Field(max_length=253, pattern=HOSTNAME)]], Field(min_length=1, max_length=16)
    ]
    parent_ref: ParentRef
    timeout: Duration = timedelta(seconds=60)
    """Longest time that a request may take; a revision is also drained so long after its weight became 0."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            ("!has(self.timeout) || duration(self.timeout) >= duration('1s')", "timeout is at least 1s")
        )
    }


class PolicyRef(ApiModel):
    """A PromotionPolicy in the same namespace."""

    name: ObjectName


class Downstream(ApiModel):
    """Who may wait for this ModelDeployment, and so learns what is stable here and since when."""

    namespaces: Annotated[
        list[Annotated[str, Field(max_length=63, pattern=DNS_LABEL)]],
        Field(min_length=1, max_length=32, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ]
    """Namespaces whose policies may name this ModelDeployment in a gate ``upstream``."""


class ModelDeploymentSpec(ApiModel):
    """What the user asks to serve. Serin never writes it."""

    model: ModelRef
    predictor: Annotated[
        dict[str, Any],
        WithJsonSchema(PREDICTOR_SCHEMA),
    ]
    """KServe's PredictorSpec; Serin sets ``storageUri`` and ``name``. A change of any other than the scaling fields is
    a new revision."""
    mode: Mode = Mode.STANDARD
    """How KServe deploys the model: Standard, with Deployments and an HTTPRoute of Serin's, or Knative, with Knative
    Serving, whose route and hostnames it uses. Immutable."""
    route: Route
    policy_ref: PolicyRef
    on_new_revision: OnNewRevision = OnNewRevision.SUPERSEDE
    """What happens when a new revision is asked for during a rollout: Supersede ends the rollout, Queue waits for its
    end."""
    downstream: Downstream | None = None
    """Without it, only policies of this namespace may name it in a gate ``upstream``."""
    paused: bool = False
    """No rollout starts and no weight is raised. Serin still watches for breaches, rolls back and repairs."""

    model_config: ClassVar = {"json_schema_extra": validations(("self.mode == oldSelf.mode", "mode is immutable"))}


class ModelDeployment(ApiModel):
    """Kind ModelDeployment (``mdep``)."""

    spec: ModelDeploymentSpec
    status: ModelDeploymentStatus = Field(
        default_factory=ModelDeploymentStatus,
        json_schema_extra={"default": {"observedGeneration": NEVER_OBSERVED}},
    )
