"""The traffic back ends, by deployment mode and by what clients speak."""

from __future__ import annotations

from serin.api.model_deployment import Mode, ModelDeploymentSpec
from serin.api.routing.route import Protocol
from serin.cluster.permissions import Permission
from serin.cluster.resources import HTTP_ROUTES, Resource
from serin.traffic.backend import Backend
from serin.traffic.knative import Knative
from serin.traffic.standard import Standard
from serin.traffic.standard.grpc import StandardGrpc

BACKENDS: dict[tuple[Mode, Protocol], Backend] = {
    # One InferenceService per revision, Deployments behind it, an HTTPRoute of the Gateway API in front.
    (Mode.STANDARD, Protocol.HTTP): Standard(),
    # The same with a GRPCRoute.
    (Mode.STANDARD, Protocol.GRPC): StandardGrpc(),
    # One InferenceService per ModelDeployment, whose template and percent are the split; Knative Serving behind it.
    (Mode.KNATIVE, Protocol.HTTP): Knative(),
    # It refuses the protocol, and says what to do.
    (Mode.KNATIVE, Protocol.GRPC): Knative(),
}


def backend_of(spec: ModelDeploymentSpec) -> Backend:
    """The back end for the mode and the protocol in ``spec``."""
    return BACKENDS[spec.mode, spec.route.protocol]


def watched() -> tuple[Resource, ...]:
    """Kinds whose watch events trigger a reconciliation, of all back ends and routes."""
    kinds = [HTTP_ROUTES, *(kind for backend in BACKENDS.values() for kind in backend.watched)]
    return tuple(dict.fromkeys(kinds))


def permissions() -> tuple[Permission, ...]:
    """Permissions that the back ends need."""
    return tuple(dict.fromkeys(p for backend in BACKENDS.values() for p in backend.permissions))
