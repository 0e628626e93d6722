"""The GRPCRoute of a split, a mirror and a preview. It has no paths (a call's path is its method) and no timeouts."""

from __future__ import annotations

from dataclasses import dataclass

from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.policy.preview_header import Header
from serin.api.routing.matches import RouteMatch
from serin.cluster.client import Object
from serin.rollout.decision import RoutePlan
from serin.traffic.gateway.http_route import filters, headers_of, route_object
from serin.traffic.gateway.service import ServiceOf
from serin.traffic.owner import Owner


def grpc_route(owner: Owner, spec: ModelDeploymentSpec, plan: RoutePlan, service_of: ServiceOf) -> Object:
    """The GRPCRoute for ``plan``."""
    return route_object(owner, spec, plan, service_of, Rules(spec))


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a GRPCRoute."""

    spec: ModelDeploymentSpec
    kind = "GRPCRoute"

    def rule(self, backends: list[Object], *, preview: Header | None = None, mirror: Object | None = None) -> Object:
        """One rule; a match without a header is every call."""
        wanted = self.spec.route.matches or [RouteMatch()]
        return {
            "matches": [{"headers": headers_of(match, preview)} for match in wanted],
            "filters": filters(self.spec.route.filters, mirror),
            "backendRefs": backends,
        }
