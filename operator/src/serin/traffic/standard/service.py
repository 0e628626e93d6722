"""The names of the InferenceService and Services of a revision in Standard mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from serin.api.names import PREDICTOR_SUFFIX, TRANSFORMER_SUFFIX
from serin.api.predictor.naming import service_name
from serin.api.revision import Source
from serin.api.status import RevisionRef
from serin.api.workload import Workload
from serin.cluster.resources import INFERENCE_SERVICES
from serin.traffic.gateway.service import Service, ServiceOf

SERVICE_PORT = 80


def workload_of(namespace: str, model_deployment: str, revision: str, source: Source | None = None) -> Workload:
    """The reference to the InferenceService of a revision."""
    has_transformer = source is not None and source.transformer is not None
    return workload_named(service_name(namespace, model_deployment, revision), has_transformer=has_transformer)


def workload_named(name: str, *, has_transformer: bool) -> Workload:
    """The reference to an InferenceService of that name."""
    kind, service = INFERENCE_SERVICES, transformer_of(name) if has_transformer else None
    return Workload(api_version=kind.api_version, kind=kind.kind, name=name, service=service)


def predictor_of(inference_service: str) -> str:
    """The Service that KServe creates for the predictor."""
    return f"{inference_service}{PREDICTOR_SUFFIX}"


def transformer_of(inference_service: str) -> str:
    """The Service that KServe creates for the transformer."""
    return f"{inference_service}{TRANSFORMER_SUFFIX}"


def services_of(inference_service: str) -> frozenset[str]:
    """All Services by which requests may reach a revision: somebody may have edited the route."""
    return frozenset({predictor_of(inference_service), transformer_of(inference_service)})


def service_of(ref: RevisionRef) -> Service:
    """The Service that takes the requests of a revision, as far as its reference says."""
    return Service(ref.workload.service or predictor_of(ref.workload.name), SERVICE_PORT)


def service_in(workloads: Sequence[Mapping[str, Any]] | None) -> ServiceOf:
    """``service_of``, with what the InferenceServices themselves say: not every reference knows of a transformer."""
    found = {workload["metadata"]["name"]: has_transformer(workload) for workload in workloads or ()}

    def service(ref: RevisionRef) -> Service:
        name = ref.workload.name
        return service_of(
            ref
            if name not in found
            else ref.model_copy(update={"workload": workload_named(name, has_transformer=found[name])})
        )

    return service


def has_transformer(inference_service: Mapping[str, Any]) -> bool:
    """Whether requests go to a transformer."""
    return bool((inference_service.get("spec") or {}).get("transformer"))
