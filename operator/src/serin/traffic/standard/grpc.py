"""KServe in Standard mode for clients that speak gRPC: the same, with a GRPCRoute in front."""

from __future__ import annotations

from dataclasses import replace

from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import RevisionRef
from serin.cluster import resources
from serin.cluster.client import Object
from serin.cluster.permissions import Permission, on
from serin.cluster.resources import Resource
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.presets import preset
from serin.rollout.decision import RoutePlan
from serin.traffic.backend import Route
from serin.traffic.gateway.grpc_route import grpc_route
from serin.traffic.standard import Standard
from serin.traffic.standard.service import service_in


class StandardGrpc(Standard):
    """The back end for ``mode: Standard`` with ``route.protocol: GRPC``."""

    route_kind: Resource = resources.GRPC_ROUTES
    watched: tuple[Resource, ...] = (resources.INFERENCE_SERVICES, resources.GRPC_ROUTES)
    permissions: tuple[Permission, ...] = (
        *Standard.permissions,
        *on(resources.GRPC_ROUTES, "get", "list", "watch", "create", "patch"),
    )

    def unsuitable(self, policy: PromotionPolicySpec) -> str | None:
        """Arms whose metrics do not show which calls fail."""
        for slo in policy.slos:
            arms = policy.arms_of(slo)
            if slo.indicator.chosen.counts_requests and not preset(arms).for_grpc.counts_by_arms:
                return (
                    f"slos: {slo.name}: arms {arms.value} do not show which gRPC calls fail; use arms Pod, or an "
                    "indicator with counters of your own"
                )
        return super().unsuitable(policy)

    def rendered_route(self, route: Route, plan: RoutePlan) -> Object:
        """The GRPCRoute for a plan."""
        return grpc_route(route.owner, route.spec, plan, service_in(route.workloads))

    def identity(self, namespace: str, candidate: RevisionRef, stable: RevisionRef) -> RolloutIdentity:
        """The same series, of which those of calls count."""
        return replace(super().identity(namespace, candidate, stable), grpc=True)
