"""KServe in Knative mode: one InferenceService, whose template and percent are the route (docs/adr/0021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from serin.api import names
from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.revision import Replicas, Source, workload_name
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.api.workload import Workload
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.cluster.permissions import Permission, on
from serin.cluster.resources import Resource
from serin.errors import ClusterError, NotLeader
from serin.prometheus.identity import RolloutIdentity
from serin.rollout.decision import Decision
from serin.rollout.observation import Arm, Part, RouteView
from serin.traffic.backend import NOTHING_EXISTS, Applied, Existing, Route, SourceOf
from serin.traffic.knative.arms import PRIVATE, observe_arms
from serin.traffic.knative.edits import Edit, edit_of, edited_revision
from serin.traffic.knative.limits import unnameable, unsuitable, unsupported
from serin.traffic.knative.pauses import not_before
from serin.traffic.knative.repairs import Foreign, repaired
from serin.traffic.knative.scaling import postponed, resize_of
from serin.traffic.knative.split import read_split, revision_of
from serin.traffic.knative.template import inference_service, owned, template
from serin.traffic.knative.view import route_view
from serin.traffic.knative.writes import Move, next_write, target_of
from serin.traffic.knative.writing import written
from serin.traffic.kserve.predictor import scaling_patch, storage_uri
from serin.traffic.owner import Owner, owner_of
from serin.traffic.ownership import is_deleted_meanwhile
from serin.traffic.reader import Reader

CONFIGURATION = "serving.knative.dev/configuration"


class Knative:
    """The back end for ``mode: Knative``."""

    kind: Resource = resources.KNATIVE_REVISIONS
    route_kind: Resource = resources.INFERENCE_SERVICES
    writes_workloads = False
    claims_hostnames = False
    absent = (
        "the API server knows no Revision (serving.knative.dev/v1) or no InferenceService (serving.kserve.io/v1beta1); "
        "install Knative Serving and KServe, or use mode Standard"
    )
    watched: tuple[Resource, ...] = (resources.INFERENCE_SERVICES,)
    permissions: tuple[Permission, ...] = (
        *on(resources.INFERENCE_SERVICES, "get", "list", "watch", "create", "patch"),
        *on(resources.KNATIVE_REVISIONS, "list"),
        *on(resources.ENDPOINT_SLICES, "list"),
        *on(resources.PODS, "list"),
    )

    def unsupported(self, spec: ModelDeploymentSpec) -> str | None:
        """What in spec would move the traffic past the steps."""
        return unsupported(spec)

    def unnameable(
        self,
        namespace: str,
        model_deployment: str,
        spec: ModelDeploymentSpec,  # noqa: ARG002 - whatever is asked for
    ) -> str | None:
        """Names that do not fit: the InferenceService has the ModelDeployment's name, in full."""
        return unnameable(namespace, model_deployment)

    def unsuitable(self, policy: PromotionPolicySpec) -> str | None:
        """What of a policy KServe's split in this mode has no means for."""
        return unsuitable(policy)

    def workload(
        self,
        namespace: str,  # noqa: ARG002 - Knative chooses the name
        model_deployment: str,
        revision: str,  # noqa: ARG002 - Knative chooses the name
        source: Source | None = None,  # noqa: ARG002 - Knative chooses the name
    ) -> Workload:
        """The InferenceService; which Knative revision it is shows when it exists."""
        kind = resources.INFERENCE_SERVICES
        return Workload(api_version=kind.api_version, kind=kind.kind, name=model_deployment)

    def service(self, ref: RevisionRef) -> str:
        """The Service of a Knative revision's own pods."""
        return f"{ref.workload.name}{PRIVATE}"

    def is_workload(self, obj: Mapping[str, Any], model_deployment: str) -> bool:
        """Whether it is a Knative revision of the InferenceService."""
        made_from = str(obj["metadata"]["labels"].get(CONFIGURATION, ""))
        return made_from == f"{model_deployment}{names.PREDICTOR_SUFFIX}"

    def is_foreign(
        self, route: Mapping[str, Any] | None, obj: Mapping[str, Any], status: ModelDeploymentStatus
    ) -> bool:
        """Whether the InferenceService has neither the owner nor Serin's labels of this ModelDeployment.

        A rollout whose candidate it serves goes on to be taken back, whatever somebody does to the metadata.
        """
        if route is None:
            return False
        owner, candidate = owner_of(obj), status.candidate
        if owner.owns(route) or owner.marks(route):
            return False
        return status.rollout is None or candidate is None or revision_of(route) != candidate.revision

    def render(self, owner: Owner, ref: RevisionRef, source: Source) -> Object:
        """The InferenceService of one revision, under a name that only a dry run has."""
        predictor = template(owner, ref, source, mark=ref.revision, judged=True)
        return inference_service(owner, workload_name(owner.name, ref.revision), predictor)

    def has_same_content(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        """Whether two Knative revisions are of one content, by what their templates state."""
        stated = [(obj["metadata"].get("annotations") or {}).get(names.CONTENT_HASH) for obj in (one, other)]
        return stated[0] is not None and stated[0] == stated[1]

    def storage_uri(self, actual: Mapping[str, Any]) -> str:
        """The storage URI of the template."""
        return storage_uri(actual)

    def scaling_patch(self, actual: Mapping[str, Any], source: Source, at_least: Replicas) -> Object | None:
        """The merge patch of the scaling fields; in a rollout Knative's autoscaler chooses the size."""
        return scaling_patch(actual, source, at_least)

    async def existing(
        self,
        cluster: Cluster,  # noqa: ARG002 - nothing is adopted in this mode
        reader: Reader,  # noqa: ARG002
        obj: Object,  # noqa: ARG002
        status: ModelDeploymentStatus,  # noqa: ARG002
        *,
        route: Object | None,  # noqa: ARG002
    ) -> Existing:
        """Nothing: see ``unsupported``."""
        return NOTHING_EXISTS

    async def arms(
        self,
        cluster: Cluster,
        reader: Reader,
        key: tuple[str, str],
        status: ModelDeploymentStatus,
        found: list[Object] | None,
        *,
        route: Object | None,
        source_of: SourceOf,
        spec: ModelDeploymentSpec,
    ) -> dict[str, Arm]:
        """The Knative revisions with their endpoints and pods."""
        if route is None:
            return {}
        edit = await reader.read(Part.RECORDS, _edit(route, status, source_of))
        arms = await observe_arms(cluster, reader, key, status, found, inference_service=route, edit=edit)
        later = postponed(route, spec.predictor) if status.rollout is not None and status.stable is not None else ""
        return {name: replace(arm, unheeded=arm.unheeded or later) for name, arm in arms.items()}

    async def apply_route(self, cluster: Cluster, route: Route, decision: Decision) -> Applied:
        """Writes the next step towards what the decision asks for: at most one write."""
        target = target_of(decision)
        if target is None:
            return Applied()
        actual = route.actual
        split = read_split(actual, route.workloads, decision.status) if actual is not None else None
        resize = resize_of(actual, route.spec.predictor) if actual is not None else None
        if actual is not None and not route.owner.owns(actual) and await is_deleted_meanwhile(cluster, route.owner):
            return Applied()
        write, edit = next_write(split, target, resized=resize is not None), None
        if actual is not None and (write is None or write.move is not Move.LOWER):  # which waits for nothing
            edit = await _edit_if_readable(actual, decision.status, route.source_of)
            write = next_write(split, target, resized=resize is not None, edited=edit is not None)
        if write is None:
            if actual is not None and not route.owner.owns(actual):
                await cluster.merge(
                    self.route_kind, route.owner.namespace, route.owner.name, owned(actual, route.owner)
                )
            waits = split is not None and target.candidate is None and split.percent is not None
            return Applied(unfinished=waits)
        foreign = Foreign(edit, resize)
        fought = actual is not None and foreign.is_cause_of(write)
        due = not_before(actual, write.move) if actual is not None and fought else None
        if due is not None and route.now is not None and route.now < due:
            return Applied(again_at=due)
        dropped = await written(cluster, route, target, write, fought=fought)
        told = repaired(route, split, decision, write, foreign)
        ref = write.template or target.stable
        return Applied(told, unfinished=True, dropped=dropped, version=ref.version if ref is not None else "")

    def route_view(
        self, route: Mapping[str, Any], workloads: Sequence[Object] | None, status: ModelDeploymentStatus
    ) -> RouteView:
        """The InferenceService as the rollout's route."""
        return route_view(route, read_split(route, workloads, status), status)

    def identity(self, namespace: str, candidate: RevisionRef, stable: RevisionRef) -> RolloutIdentity:
        """The names of the Knative revisions, which gateways and queue-proxies have as labels."""
        arms = (candidate.workload.name, stable.workload.name)
        return RolloutIdentity(namespace, *arms, candidate.revision, candidate.version, service_suffix="")


async def _edit(actual: Object, status: ModelDeploymentStatus, source_of: SourceOf) -> Edit | None:
    """What somebody has made of the template, with Serin's labels kept; ``ClusterError``.

    Records are asked only where somebody else has written. What nobody knows the source of is not compared.
    """
    ref = edited_revision(actual, status)
    source = await source_of(ref) if ref is not None else None
    if ref is None or source is None:
        return None
    owner = Owner(actual["metadata"]["name"], actual["metadata"].get("namespace", ""), "")
    return edit_of(actual, template(owner, ref, source, mark="", judged=False))


async def _edit_if_readable(actual: Object, status: ModelDeploymentStatus, source_of: SourceOf) -> Edit | None:
    """The same; None while the records cannot be read: the observation holds what goes forward."""
    try:
        return await _edit(actual, status, source_of)
    except NotLeader:
        raise
    except ClusterError:
        return None
