"""The names of the InferenceService and Service of a revision in Standard mode."""

from __future__ import annotations

from serin.api.names import PREDICTOR_SUFFIX
from serin.api.workload import Workload
from serin.cluster.resources import INFERENCE_SERVICES
from serin.traffic.gateway.service import Service
from serin.traffic.standard.naming import service_name

PREDICTOR_PORT = 80


def workload_of(namespace: str, model_deployment: str, revision: str) -> Workload:
    """The reference to the InferenceService of a revision."""
    kind = INFERENCE_SERVICES
    name = service_name(namespace, model_deployment, revision)
    return Workload(api_version=kind.api_version, kind=kind.kind, name=name)


def service_of(inference_service: str) -> Service:
    """The Service that KServe creates for the predictor."""
    return Service(f"{inference_service}{PREDICTOR_SUFFIX}", PREDICTOR_PORT)
