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
    updates = (metadata.get("annotations") or {}).get("serving.kserve.io/disable-auto-update") != "true"
    return Arm(
        ref,
        ready,
        failure,
        deleting="deletionTimestamp" in metadata,
        template=_template(pods),
        size=_size(inference_service),
        updates=updates,
    )


def _size(inference_service: Mapping[str, Any]) -> int | None:
    """Its maximum replicas; None if only its name is known."""
    predictor = (inference_service.get("spec") or {}).get("predictor")
    return replica_bounds(predictor)[1] if isinstance(predictor, Mapping) else None


def _template(pods: Iterable[Mapping[str, Any]]) -> str:
    """The template hash of the newest pod, from the label of its ReplicaSet; empty without a pod."""
    staying = [pod["metadata"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    newest = max(staying, key=lambda metadata: str(metadata.get("creationTimestamp", "")), default=None)
    return str((newest.get("labels") or {}).get("pod-template-hash", "")) if newest else ""
