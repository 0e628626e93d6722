"""One arm, read from its InferenceService, the endpoints of its Service and its pods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from serin.api import names
from serin.api.revision import replica_bounds
from serin.api.status import RevisionRef
from serin.api.workload import Workload
from serin.cluster import resources
from serin.rollout.observation import Arm
from serin.traffic.kserve.failure import failure_of
from serin.traffic.kserve.ready import ready_endpoints
from serin.traffic.owner import stated_hash

SERVING = "kserve-container"
"""The container of a predictor's pod that serves the model."""


def arm(inference_service: Mapping[str, Any], slices: Iterable[Any], pods: Iterable[Any]) -> Arm:
    """One arm from its InferenceService, the EndpointSlices of its Service and its pods."""
    metadata = inference_service["metadata"]
    labels = metadata.get("labels", {})
    kind = resources.INFERENCE_SERVICES
    ref = RevisionRef(
        revision=labels.get(names.REVISION, "unknown"),
        version=labels.get(names.VERSION, "?"),
        hash=stated_hash(inference_service),
        workload=Workload(api_version=kind.api_version, kind=kind.kind, name=metadata["name"]),
    )
    pods, ready = list(pods), ready_endpoints(slices)
    failure = failure_of(inference_service, pods, serves=ready > 0)
    image, image_id = _image(pods)
    updates = (metadata.get("annotations") or {}).get("serving.kserve.io/disable-auto-update") != "true"
    return Arm(
        ref,
        ready,
        failure,
        deleting="deletionTimestamp" in metadata,
        template=_template(pods),
        size=_size(inference_service),
        updates=updates,
        image=image,
        image_id=image_id,
        runtime=_runtime(inference_service),
    )


def _size(inference_service: Mapping[str, Any]) -> int | None:
    """Its maximum replicas; None if only its name is known."""
    predictor = (inference_service.get("spec") or {}).get("predictor")
    return replica_bounds(predictor)[1] if isinstance(predictor, Mapping) else None


def _runtime(inference_service: Mapping[str, Any]) -> str:
    """The ServingRuntime that the user named, or that KServe says it chose; empty if neither is told."""
    model = _at(inference_service, "spec", "predictor", "model")
    status = _at(inference_service, "status")
    chosen = status.get("servingRuntimeName") or status.get("clusterServingRuntimeName")
    return str(model.get("runtime") or chosen or "")


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
    """The template hash of the newest pod, from the label of its ReplicaSet; empty without a pod."""
    newest = _newest(pods)
    return str((newest["metadata"].get("labels") or {}).get("pod-template-hash", "")) if newest else ""
