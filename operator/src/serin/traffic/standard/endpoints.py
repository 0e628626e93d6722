"""One arm, read from its InferenceService, the endpoints of its Services and its pods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from serin.api import names
from serin.api.revision import replica_bounds
from serin.api.status import RevisionRef
from serin.rollout.observation import Arm, Component
from serin.traffic.kserve.failure import failure_of
from serin.traffic.owner import stated_hash
from serin.traffic.standard.service import has_transformer, workload_named

TRANSFORMER = "transformer"
SERVING = "kserve-container"
"""The container of a predictor's pod that serves the model."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Ready endpoints of the Services of an InferenceService."""

    predictor: int
    transformer: int | None = None
    """None without a transformer."""


def arm(inference_service: Mapping[str, Any], endpoints: Endpoints, pods: Iterable[Any]) -> Arm:
    """One arm from its InferenceService, the ready endpoints of its Services and its pods."""
    metadata = inference_service["metadata"]
    labels = metadata.get("labels", {})
    ref = RevisionRef(
        revision=labels.get(names.REVISION, "unknown"),
        version=labels.get(names.VERSION, "?"),
        hash=stated_hash(inference_service),
        workload=workload_named(metadata["name"], has_transformer=has_transformer(inference_service)),
    )
    pods, transformers = list(pods), endpoints.transformer
    ready = 0 if transformers == 0 else endpoints.predictor
    failure = failure_of(inference_service, pods, serves=ready > 0)
    image, image_id = _image(pod for pod in pods if _component(pod) != TRANSFORMER)
    return Arm(
        ref,
        ready,
        failure,
        deleting="deletionTimestamp" in metadata,
        template=_template(pods),
        size=_size(inference_service, "predictor"),
        transformer=Component(transformers, _size(inference_service, TRANSFORMER))
        if transformers is not None
        else None,
        unheeded=_unheeded(metadata),
        image=image,
        image_id=image_id,
        runtime=_runtime(inference_service),
    )


def _size(inference_service: Mapping[str, Any], component: str) -> int | None:
    """The maximum replicas of a component; None if only its name is known."""
    spec = inference_service.get("spec") or {}
    known = isinstance(spec.get(component), Mapping) and "predictor" in spec
    return replica_bounds(spec[component])[1] if known else None


def _runtime(inference_service: Mapping[str, Any]) -> str:
    """The ServingRuntime that the user named, or that KServe says it chose; empty if neither is told."""
    model = _at(inference_service, "spec", "predictor", "model")
    status = _at(inference_service, "status")
    chosen = status.get("servingRuntimeName") or status.get("clusterServingRuntimeName")
    return str(model.get("runtime") or chosen or "")


def _unheeded(metadata: Mapping[str, Any]) -> str:
    key = "serving.kserve.io/disable-auto-update"
    if (metadata.get("annotations") or {}).get(key) != "true":
        return ""
    return f"InferenceService {metadata['name']} carries {key}: KServe ignores changes of its scaling fields"


def _image(pods: Iterable[Mapping[str, Any]]) -> tuple[str, str]:
    """The image of the serving container of the newest pod, as asked for and as pulled."""
    newest = _newest(pods) or {}
    asked = _of_server(_at(newest, "spec").get("containers"))
    pulled = _of_server(_at(newest, "status").get("containerStatuses"))
    return str(asked.get("image") or ""), str(pulled.get("imageID") or "")


def _of_server(containers: object) -> Mapping[str, Any]:
    """The entry of the serving container; empty if there is none, or if it has another shape."""
    found = (c for c in (containers if isinstance(containers, list) else []) if isinstance(c, Mapping))
    return next((c for c in found if c.get("name") == SERVING), {})


def _at(obj: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The object at a path; empty if there is none. What is only told to people must not fail a pass."""
    for key in path:
        value = obj.get(key)
        obj = value if isinstance(value, Mapping) else {}
    return obj


def _newest(pods: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The newest pod that is not on its way out."""
    staying = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    return max(staying, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), default=None)


def _template(pods: Iterable[Mapping[str, Any]]) -> str:
    """The template hash of the newest pod, from the label of its ReplicaSet; empty without a pod.

    With a transformer it is that of both components: a change of either is one of the revision.
    """
    by_component: dict[str, list[Mapping[str, Any]]] = {"predictor": []}
    for pod in pods:
        by_component.setdefault(_component(pod), []).append(pod)
    newest = (_newest(by_component[name]) for name in sorted(by_component))
    hashes = [str((pod["metadata"].get("labels") or {}).get("pod-template-hash", "")) for pod in newest if pod]
    return ".".join(filter(None, hashes))


def _component(pod: Mapping[str, Any]) -> str:
    """Which component of the InferenceService a pod belongs to; KServe labels it."""
    own = (pod["metadata"].get("labels") or {}).get("component")
    return TRANSFORMER if own == TRANSFORMER else "predictor"
