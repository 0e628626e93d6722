"""The arms of a ModelDeployment: each InferenceService with its endpoints and its pods."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from serin.api import names
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.rollout.observation import Arm, Part
from serin.traffic.kserve.failure import pod_failure
from serin.traffic.kserve.ready import ready_endpoints
from serin.traffic.reader import Reader
from serin.traffic.standard.endpoints import Endpoints, arm
from serin.traffic.standard.service import has_transformer, predictor_of, transformer_of

POD_LABEL = "serving.kserve.io/inferenceservice"
SLICE_LABEL = "kubernetes.io/service-name"


async def observe_arms(
    cluster: Cluster,
    reader: Reader,
    key: tuple[str, str],
    status: ModelDeploymentStatus,
    services: list[Object] | None,
) -> dict[str, Arm]:
    """The arms by revision.

    If the InferenceServices cannot be read, their names come from the status, and their endpoints are still read.
    """
    namespace, name = key
    if services is None and Part.INFERENCE_SERVICES in reader.unknown:
        services = [_remembered(ref, name) for ref in _refs(status)]
    if not services:
        return {}
    isvc_names = [service["metadata"]["name"] for service in services]
    service_names = ",".join(name for service in services for name in _service_names(service))
    slices, pods = await asyncio.gather(
        reader.read(
            Part.ENDPOINTS,
            cluster.list(resources.ENDPOINT_SLICES, namespace, f"{SLICE_LABEL} in ({service_names})"),
        ),
        reader.read(
            Part.PODS,
            cluster.list(resources.PODS, namespace, f"{POD_LABEL} in ({','.join(isvc_names)})"),
        ),
    )
    by_service = reader.parse(Part.ENDPOINTS, partial(_grouped, slices or [], SLICE_LABEL)) or {}
    by_isvc = reader.parse(Part.PODS, partial(_grouped, pods or [], POD_LABEL)) or {}
    arms = {}
    for service in services:
        isvc = service["metadata"]["name"]
        slices_of = [by_service.get(name, []) for name in _service_names(service)]
        arm = _arm(reader, service, slices_of, by_isvc.get(isvc, []))
        arms[arm.ref.revision] = arm
    return arms


def _refs(status: ModelDeploymentStatus) -> Iterable[RevisionRef]:
    known = (status.stable, status.candidate, *status.draining)
    return {ref.revision: ref for ref in known if ref is not None}.values()


def _remembered(ref: RevisionRef, name: str) -> Object:
    """The metadata of an InferenceService, from the status."""
    labels = {names.MODEL_DEPLOYMENT: name, names.REVISION: ref.revision, names.VERSION: ref.version}
    annotations = {names.CONTENT_HASH: ref.hash} if ref.hash else {}
    metadata = {"name": ref.workload.name, "labels": labels, "annotations": annotations}
    # That it has a transformer is remembered; of what it consists is not.
    return {"metadata": metadata, **({"spec": {"transformer": {"containers": []}}} if ref.workload.service else {})}


def _service_names(service: Object) -> list[str]:
    """The Services of an InferenceService: the predictor's, and the transformer's if there is one."""
    name = service["metadata"]["name"]
    return [predictor_of(name), *([transformer_of(name)] if has_transformer(service) else [])]


def _grouped(objs: list[Object], label: str) -> dict[str, list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for obj in objs:
        groups.setdefault(obj["metadata"]["labels"][label], []).append(obj)
    return groups


def _arm(reader: Reader, service: Object, slices: list[list[Mapping[str, Any]]], pods: list[Mapping[str, Any]]) -> Arm:
    """The arm. EndpointSlices or pods of an unexpected shape are left out, and their part is unknown."""
    ready = [reader.parse(Part.ENDPOINTS, partial(ready_endpoints, of)) or 0 for of in slices]
    if reader.parse(Part.PODS, lambda: (pod_failure(pods), True)) is None:
        pods = []
    return arm(service, Endpoints(*ready), pods)
