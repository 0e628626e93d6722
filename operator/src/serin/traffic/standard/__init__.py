"""KServe in Standard mode: one InferenceService per revision, Deployments behind it, an HTTPRoute in front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from serin.api import names
from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.predictor.naming import service_name, unnameable
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.revision import Replicas, Source, without_nulls
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.api.workload import Workload
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.cluster.permissions import Permission, on
from serin.cluster.resources import Resource
from serin.prometheus.identity import RolloutIdentity
from serin.rollout.decision import Decision, RoutePlan
from serin.rollout.observation import Arm, RouteView
from serin.schema.choices import Arms
from serin.traffic.backend import Applied, Existing, Route, SourceOf
from serin.traffic.gateway.claims import foreign
from serin.traffic.gateway.http_route import REQUEST_TIMEOUT, http_route, is_applied, own_annotations
from serin.traffic.gateway.precedence import before_rivals
from serin.traffic.gateway.route_view import route_view
from serin.traffic.kserve.predictor import scaling_patch, storage_uri
from serin.traffic.owner import Owner
from serin.traffic.ownership import is_deleted_meanwhile
from serin.traffic.reader import Reader
from serin.traffic.standard.arms import observe_arms
from serin.traffic.standard.existing import existing_service
from serin.traffic.standard.service import service_in, service_of, services_of, workload_of
from serin.traffic.standard.timeouts import request_timeout
from serin.traffic.standard.workload import has_same_content, inference_service


class Standard:
    """The back end for ``mode: Standard``."""

    kind: Resource = resources.INFERENCE_SERVICES
    route_kind: Resource = resources.HTTP_ROUTES
    writes_workloads = True
    claims_hostnames = True
    absent = "the API server knows no InferenceService (serving.kserve.io/v1beta1); install KServe"
    watched: tuple[Resource, ...] = (resources.INFERENCE_SERVICES,)
    permissions: tuple[Permission, ...] = (
        *on(resources.INFERENCE_SERVICES, "get", "list", "watch", "create", "patch", "delete"),
        *on(resources.HTTP_ROUTES, "get", "list", "watch", "create", "patch"),
        *on(resources.ENDPOINT_SLICES, "list"),
        *on(resources.PODS, "list"),
    )

    def unsupported(self, _: ModelDeploymentSpec) -> str | None:
        """None: this mode supports every spec."""
        return None

    def unnameable(self, namespace: str, model_deployment: str, spec: ModelDeploymentSpec) -> str | None:
        """A namespace whose name leaves no room for any other."""
        return unnameable(namespace, model_deployment, has_transformer=spec.transformer is not None)

    def unsuitable(self, policy: PromotionPolicySpec) -> str | None:
        """Arms that tell apart what this mode does not have."""
        used = {policy.arms_of(slo) for slo in policy.slos}
        for arms in (Arms.KNATIVE, Arms.KOURIER):
            if arms in used:
                what = "tells Knative's revisions apart, the arms of mode Knative"
                return f"arms: {arms} {what}; use Contour, Istio, EnvoyGateway or Pod"
        return None

    def workload(self, namespace: str, model_deployment: str, revision: str, source: Source | None = None) -> Workload:
        """The InferenceService of ``revision``, and the Service that takes its requests."""
        return workload_of(namespace, model_deployment, revision, source)

    def service(self, ref: RevisionRef) -> str:
        """The Service that takes its requests."""
        return service_of(ref).name

    def is_workload(self, obj: Mapping[str, Any], model_deployment: str) -> bool:
        """Whether the InferenceService has the name that Serin derives from its labels."""
        metadata = obj["metadata"]
        revision = str(metadata["labels"].get(names.REVISION, ""))
        return bool(metadata["name"] == service_name(metadata["namespace"], model_deployment, revision))

    def is_foreign(
        self, route: Mapping[str, Any] | None, obj: Mapping[str, Any], status: ModelDeploymentStatus
    ) -> bool:
        """Whether the HTTPRoute has no trace of Serin."""
        return foreign(route, obj, status)

    def render(self, owner: Owner, ref: RevisionRef, source: Source) -> Object:
        """The InferenceService of one revision."""
        return inference_service(owner, ref, source)

    def has_same_content(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        """Whether two InferenceServices differ in nothing but their scaling fields."""
        return has_same_content(one, other)

    def storage_uri(self, actual: Mapping[str, Any]) -> str:
        """The storage URI of the predictor."""
        return storage_uri(actual)

    def scaling_patch(self, actual: Mapping[str, Any], source: Source, at_least: Replicas) -> Object | None:
        """The merge patch of its scaling fields; None if there is no difference."""
        return scaling_patch(actual, source, at_least)

    async def existing(
        self, cluster: Cluster, reader: Reader, obj: Object, status: ModelDeploymentStatus, *, route: Object | None
    ) -> Existing:
        """The InferenceService that ``spec.adopt`` names."""
        return await existing_service(cluster, reader, obj, status, route)

    async def arms(
        self,
        cluster: Cluster,
        reader: Reader,
        key: tuple[str, str],
        status: ModelDeploymentStatus,
        found: list[Object] | None,
        *,
        route: Object | None,  # noqa: ARG002 - each workload has objects of its own
        source_of: SourceOf,  # noqa: ARG002 - what they are was compared with it already
        spec: ModelDeploymentSpec,  # noqa: ARG002 - the scaling is written at once
    ) -> dict[str, Arm]:
        """The InferenceServices with their endpoints and pods."""
        return await observe_arms(cluster, reader, key, status, found)

    async def apply_route(self, cluster: Cluster, route: Route, decision: Decision) -> Applied:
        """Applies the route to the Services of the predictors, or of the transformers before them."""
        plan, actual, seen = decision.plan.route, route.actual, route.view
        if plan is None:
            return Applied()
        wanted = before_rivals(self.rendered_route(route, plan), route.rivals, actual)
        meant = own_annotations(wanted)
        if actual is not None:
            if is_applied(actual, wanted) and own_annotations(actual) == meant:
                return Applied()
            wanted["metadata"]["resourceVersion"] = actual["metadata"]["resourceVersion"]
            if not route.owner.owns(actual) and await is_deleted_meanwhile(cluster, route.owner):
                return Applied()
        await cluster.apply(self.route_kind, without_nulls(wanted), manager=names.MANAGER)
        if seen is None or not seen.editor or actual is None or own_annotations(actual) != meant:
            return Applied()
        kind = self.route_kind.kind
        return Applied(f"{seen.edited_by} had changed the {kind}; it shows again what was decided ({plan.weight} %)")

    def rendered_route(self, route: Route, plan: RoutePlan) -> Object:
        """The HTTPRoute for a plan; None in it is what must not be there."""
        services, timeout = service_in(route.workloads), request_timeout(route, plan)
        return http_route(route.owner, route.spec, plan, services, timeout=timeout, lacks=lacks_of(route))

    def route_view(
        self,
        route: Mapping[str, Any],
        workloads: Sequence[Object] | None,  # noqa: ARG002 - the route names them
        status: ModelDeploymentStatus,
    ) -> RouteView:
        """The HTTPRoute as the rollout sees it."""
        return route_view(route, services_of, service_name, status.candidate)

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
            candidate_service=service_of(candidate).name,
            stable_service=service_of(stable).name,
        )


def lacks_of(route: Route) -> frozenset[str]:
    """What the gateway does not have; while nobody knows, what the route shows: one without timeouts stays so."""
    if route.lacks is not None:
        return route.lacks
    rules = (route.actual or {}).get("spec", {}).get("rules") or []
    return frozenset({REQUEST_TIMEOUT}) if rules and not rules[0].get("timeouts") else frozenset()
