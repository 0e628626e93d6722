"""KServe in Standard mode: one InferenceService per revision, Deployments behind it, an HTTPRoute in front."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.api.workload import Workload
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.cluster.permissions import Permission, on
from serin.cluster.resources import Resource
from serin.prometheus.identity import RolloutIdentity
from serin.rollout.decision import RoutePlan
from serin.rollout.observation import Arm, RouteView
from serin.traffic.backend import Source
from serin.traffic.gateway.http_route import http_route
from serin.traffic.gateway.route_view import route_view
from serin.traffic.owner import Owner
from serin.traffic.reader import Reader
from serin.traffic.standard.arms import observe_arms
from serin.traffic.standard.service import service_of, workload_of
from serin.traffic.standard.workload import has_same_content, inference_service, scaling_patch, storage_uri


class Standard:
    """The back end for ``mode: Standard``."""

    kind: Resource = resources.INFERENCE_SERVICES
    watched: tuple[Resource, ...] = (resources.INFERENCE_SERVICES,)
    permissions: tuple[Permission, ...] = (
        *on(resources.INFERENCE_SERVICES, "list", "watch", "create", "patch", "delete"),
        *on(resources.HTTP_ROUTES, "get", "list", "watch", "create", "patch"),
        *on(resources.ENDPOINT_SLICES, "list"),
        *on(resources.PODS, "list"),
    )

    def unsupported(self, _: ModelDeploymentSpec) -> str | None:
        """None: this mode supports every spec."""
        return None

    def workload(self, model_deployment: str, revision: str) -> Workload:
        """The InferenceService of ``revision``."""
        return workload_of(model_deployment, revision)

    def render(self, owner: Owner, ref: RevisionRef, source: Source) -> Object:
        """The InferenceService of one revision."""
        return inference_service(owner, ref, model=source.model, predictor=copy.deepcopy(dict(source.predictor)))

    def has_same_content(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        """Whether two InferenceServices differ in nothing but their scaling fields."""
        return has_same_content(one, other)

    def storage_uri(self, actual: Mapping[str, Any]) -> str:
        """The storage URI of the predictor."""
        return storage_uri(actual)

    def scaling_patch(self, actual: Mapping[str, Any], predictor: Mapping[str, Any], at_least: int) -> Object | None:
        """The merge patch of its scaling fields; None if there is no difference."""
        return scaling_patch(actual, predictor, at_least)

    async def arms(
        self,
        cluster: Cluster,
        reader: Reader,
        key: tuple[str, str],
        status: ModelDeploymentStatus,
        found: list[Object] | None,
    ) -> dict[str, Arm]:
        """The InferenceServices with their endpoints and pods."""
        return await observe_arms(cluster, reader, key, status, found)

    def route(self, owner: Owner, spec: ModelDeploymentSpec, plan: RoutePlan) -> Object:
        """The HTTPRoute to the predictors' Services."""
        return http_route(owner, spec, plan, service_of)

    def route_view(self, route: Mapping[str, Any]) -> RouteView:
        """The HTTPRoute as the rollout sees it."""
        return route_view(route, service_of)

    def identity(self, namespace: str, candidate: RevisionRef, stable: RevisionRef) -> RolloutIdentity:
        """The names of the InferenceServices, which the series of gateways, meshes and pods have as labels."""
        names = (candidate.workload.name, stable.workload.name)
        return RolloutIdentity(
            namespace,
            *names,
            candidate.revision,
            candidate.version,
            stable_revision=stable.revision,
            stable_version=stable.version,
        )
