"""ModelDeployment: one model in one environment, and the story of how its newest revision gets there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field, WithJsonSchema

from serin.api.routing.route import ObjectName, Route
from serin.api.status import NEVER_OBSERVED, ModelDeploymentStatus
from serin.schema.types import DNS_LABEL, ApiModel, Uri, validations

LABEL_VALUE = r"^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
SCALING_FIELDS = (
    "minReplicas",
    "maxReplicas",
    "scaleTarget",
    "scaleMetric",
    "scaleMetricType",
    "autoScaling",
    "deploymentStrategy",
)
"""Fields of KServe's components that are outside the revision: they apply in place, at once, ungated."""

OLDER_SPELLINGS = (
    *("huggingface", "lightgbm", "onnx", "paddle", "pmml", "pytorch", "sklearn", "tensorflow", "triton", "xgboost"),
)
"""Fields of KServe's predictor from before ``model``, one for each format. The API server takes them, so that status
can write out the new form: a rule of a CRD cannot."""

PREDICTOR_RULES = validations(
    ("!has(self.canaryTrafficPercent)", "canaryTrafficPercent is Serin's to decide; leave it out"),
    ("!has(self.name)", "predictor.name is Serin's to set; leave it out"),
    ("!has(self.workerSpec)", "workerSpec (multi-node) is not supported"),
    (
        "!has(self.model) || !has(self.model.storageUri)",
        "predictor.model.storageUri is set from spec.model.uri; write the URI there",
    ),
    (
        " || ".join(f"has(self.{field})" for field in ("model", "containers", *OLDER_SPELLINGS)),
        "give predictor.model, or predictor.containers for a server of your own",
    ),
)


def _told(text: str) -> dict[str, str]:
    """The description of a field, as ``kubectl explain`` shows it."""
    return {"description": text}


_LABELS = {"type": "object", "additionalProperties": {"type": "string", "maxLength": 63}}
_ANNOTATIONS = {"type": "object", "additionalProperties": {"type": "string", "maxLength": 65536}}
_CONTAINERS = {
    "type": "array",
    "minItems": 1,
    "maxItems": 32,
    "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
}
_PERCENT = {"type": "integer"} | _told("Refused: how much traffic a revision gets is Serin's to decide.")
_FREE = {"type": "object", "nullable": True, "x-kubernetes-preserve-unknown-fields": True}
_COUNT = {"type": "integer", "nullable": True, "format": "int32"}
_WORD = {"type": "string", "nullable": True, "maxLength": 253}
SCALING_SCHEMA: dict[str, Any] = {
    "minReplicas": _COUNT | {"minimum": 0} | _told("Least number of pods; KServe's default is 1."),
    "maxReplicas": _COUNT | {"minimum": 0} | _told("Largest number of pods to which KServe's autoscaler may go."),
    "scaleTarget": _COUNT | _told("The value of scaleMetric for each pod that the autoscaler aims at."),
    "scaleMetric": _WORD
    | _told("What the autoscaler looks at: cpu, memory, concurrency or rps, as KServe's mode takes it."),
    "scaleMetricType": _WORD | _told("How scaleTarget is meant: Utilization, AverageValue or Value."),
    "autoScaling": _FREE | _told("KServe's AutoScalingSpec, in place of the scale fields above."),
    "deploymentStrategy": _FREE | _told("How Kubernetes replaces pods of one revision: the strategy of a Deployment."),
}
"""They are outside the revision, so no dry run sees a change of them: the API server checks their types here. A
template may render an empty one as null."""

PREDICTOR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": True,
    # Only what the rules name is declared; the rest is KServe's and is checked by a dry run.
    "properties": {
        "canaryTrafficPercent": _PERCENT,
        "name": {"type": "string", "maxLength": 253} | _told("Refused: the name is Serin's to set."),
        "workerSpec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        | _told("Refused: a model on several nodes is not supported."),
        **SCALING_SCHEMA,
        "model": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {
                "storageUri": {"type": "string", "maxLength": 2048} | _told("Refused: write it as spec.model.uri."),
                "runtime": {"type": "string", "maxLength": 253}
                | _told("Name of the ServingRuntime or ClusterServingRuntime; default: KServe chooses by modelFormat."),
                "args": {"type": "array", "maxItems": 256, "items": {"type": "string", "maxLength": 32768}}
                | _told("Further arguments of the model server."),
            },
        }
        | _told("The model and what serves it, as KServe's ModelSpec; without its storageUri."),
        "labels": _LABELS | _told("Labels of the pods, and of the InferenceService where a tool reads them there."),
        "annotations": _ANNOTATIONS | _told("Annotations of the pods, and of the InferenceService likewise."),
        "containers": _CONTAINERS | _told("A server of your own in place of model: containers as in a pod."),
        **{
            name: _FREE | _told(f"KServe's older spelling: write it as model with modelFormat {name}.")
            for name in OLDER_SPELLINGS
        },
    },
    **PREDICTOR_RULES,
}

TRANSFORMER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "nullable": True,
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {
        "canaryTrafficPercent": _PERCENT,
        **SCALING_SCHEMA,
        **{name: PREDICTOR_SCHEMA["properties"][name] for name in ("labels", "annotations")},
        "containers": _CONTAINERS | _told("The container that transforms, as in a pod."),
    },
    **validations(
        ("!has(self.canaryTrafficPercent)", "canaryTrafficPercent is Serin's to decide; leave it out"),
        ("has(self.containers)", "transformer.containers is missing: give the container that transforms"),
    ),
}

NO_EXPLAINER = (
    "explainer is not supported: explanations are no predictions, and would be counted as such; leave it out, and "
    "deploy it by itself: a ModelDeployment whose predictor.containers run it, with a hostname of this one as "
    "--predictor_host"
)

LONGEST_TIMEOUT = 24 * 60 * 60
"""Seconds; KServe takes any number."""
DEFAULT_TIMEOUT = timedelta(seconds=60)
DRAIN_WITHOUT_TIMEOUT = timedelta(minutes=5)


def component_timeout(predictor: Mapping[str, Any], transformer: Mapping[str, Any] | None) -> timedelta:
    """KServe's own timeout of the component that takes the requests; 60 s without one, as in KServe's own routes."""
    for component in (transformer or {}, predictor):
        seconds = component.get("timeout")
        if isinstance(seconds, int) and not isinstance(seconds, bool) and seconds >= 0:
            return timedelta(seconds=min(seconds, LONGEST_TIMEOUT))
    return DEFAULT_TIMEOUT


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
    uri: Uri | None = None
    """Where the model is stored: any storage URI that KServe supports. Left out where ``predictor.model.storage`` or
    ``predictor.storageUris`` says it, where the model is part of the server's image, or where an argument names it."""
    digest: Annotated[str, Field(max_length=140, pattern=r"^sha(256|512):[a-f0-9]{16,128}$")] | None = None
    """Content digest of the artefact, if known."""
    served_name: Annotated[str, Field(max_length=63, pattern=LABEL_VALUE)] | None = None
    """The model name in the clients' URLs; default: metadata.name. Serin passes it to the servers that KServe ships,
    but not to Triton and TorchServe, which take the name from their model repository. A runtime of your own gets
    ``--model_name`` with metadata.name; if it refuses that argument, give the name that it serves here, and it gets
    none. A name among ``predictor.model.args`` counts as given here."""


class Adopt(ApiModel):
    """A running InferenceService of the same namespace."""

    inference_service: ObjectName
    """Its name. It serves what ``spec.model`` and ``spec.predictor`` say, and is of KServe's Standard mode. Whoever
    asks for it needs the rights to update and to delete it."""


class PolicyRef(ApiModel):
    """A PromotionPolicy in the same namespace."""

    name: ObjectName
    """Name of the PromotionPolicy."""


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
    a new revision. Labels and annotations that KServe, a queue or a dashboard reads on the InferenceService itself are
    written there, too."""
    transformer: Annotated[dict[str, Any] | None, WithJsonSchema(TRANSFORMER_SCHEMA)] = None
    """KServe's TransformerSpec: requests go to it, and it calls the predictor of its own revision. A part of the
    revision, as ``predictor`` is. Mode Standard only."""
    explainer: Annotated[
        dict[str, Any] | None,
        WithJsonSchema({"type": "object", "nullable": True, "x-kubernetes-preserve-unknown-fields": True}),
    ] = None
    """Refused: the message says what to do instead."""
    mode: Mode = Mode.STANDARD
    """How KServe deploys the model: Standard, with Deployments and an HTTPRoute of Serin's, or Knative, with Knative
    Serving, whose route and hostnames it uses. Immutable."""
    adopt: Adopt | None = None
    """Makes a running InferenceService the first stable revision, without a write to it. It counts when the
    ModelDeployment is created; it may be removed later, and not be added or changed."""
    route: Route
    policy_ref: PolicyRef
    on_new_revision: OnNewRevision = OnNewRevision.SUPERSEDE
    """What happens when a new revision is asked for during a rollout: Supersede ends the rollout, Queue waits for its
    end."""
    downstream: Downstream | None = None
    """Without it, only policies of this namespace may name it in a gate ``upstream``."""
    paused: bool = False
    """No rollout starts and no weight is raised. Serin still watches for breaches, rolls back and repairs."""

    @property
    def timeout(self) -> timedelta:
        """Longest time that a request may take, as spec says it; zero: as long as it does."""
        return (
            self.route.timeout
            if self.route.timeout is not None
            else component_timeout(self.predictor, self.transformer)
        )

    @property
    def drain(self) -> timedelta:
        """How long a revision stays after its weight became 0."""
        return self.route.drain if self.route.drain is not None else self.timeout or DRAIN_WITHOUT_TIMEOUT

    model_config: ClassVar = {
        "json_schema_extra": validations(
            ("self.mode == oldSelf.mode", "mode is immutable"),
            ("!has(self.explainer)", NO_EXPLAINER),
            (
                "!has(self.adopt) || (has(oldSelf.adopt) && self.adopt == oldSelf.adopt)",
                "adopt counts for the first revision: give it when the ModelDeployment is created; it may be removed",
            ),
        )
    }


class ModelDeployment(ApiModel):
    """Kind ModelDeployment (``mdep``)."""

    spec: ModelDeploymentSpec
    status: ModelDeploymentStatus = Field(
        default_factory=ModelDeploymentStatus,
        json_schema_extra={"default": {"observedGeneration": NEVER_OBSERVED}},
    )
