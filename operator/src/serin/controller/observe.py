"""What is there? One live look at everything a decision needs; caches are hints, never the truth."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from serin.api import names
from serin.api.model_deployment import ModelDeployment
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.reasons import Reason
from serin.api.revision import inference_service_name, revision_of
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.controller.actions import Asked, asked
from serin.controller.claims import Seen, foreign, hostname_taken
from serin.errors import Conflict, NotFound, Refused, Unavailable
from serin.prometheus.address import same_place
from serin.prometheus.reading import unreadable
from serin.records.build import Source, sources_of, view
from serin.rollout.observation import Arm, Problem, RecordView, RouteView
from serin.rollout.spec_rules import problem_of
from serin.traffic import view as traffic
from serin.traffic.standard import Owner, inference_service, served


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen, as objects and as views."""

    obj: Object
    model_deployment: ModelDeployment
    wanted: RevisionRef | None
    problem: Problem | None
    inference_services: Mapping[str, Object]
    """By revision."""
    arms: Mapping[str, Arm]
    route_obj: Object | None
    route: RouteView | None
    may_route: bool
    """False if the route of this name is somebody else's: it is not touched."""
    record_objs: Mapping[str, Object]
    """By name."""
    records: tuple[RecordView, ...]
    policy_obj: Object | None
    policy: PromotionPolicySpec | Problem | None
    said: Asked
    """PromotionActions without an answer."""

    @property
    def owner(self) -> Owner:
        """The ModelDeployment as owner of its children."""
        metadata = self.obj["metadata"]
        return Owner(metadata["name"], metadata["namespace"], metadata["uid"])

    @property
    def status(self) -> ModelDeploymentStatus:
        """The status as it is stored."""
        return self.model_deployment.status

    @property
    def sources(self) -> dict[str, Source]:
        """Per revision what the user wrote: from the records, and for the wanted one from spec."""
        found = sources_of(list(self.record_objs.values()))
        if self.wanted is not None:
            found[self.wanted.revision] = (self.obj["spec"]["model"], self.obj["spec"]["predictor"])
        return found


@dataclass(frozen=True, slots=True)
class Scope:
    """What the operator may use and look at."""

    prometheus: tuple[str, ...]
    """Allow-list of addresses, normalised."""
    namespaces: tuple[str, ...] = ()
    """Empty: all."""


async def observe(cluster: Cluster, namespace: str, name: str, scope: Scope) -> Sight | None:
    """A fresh look; None when the ModelDeployment is gone or going."""
    try:
        obj = await cluster.get(resources.MODEL_DEPLOYMENTS, namespace, name)
    except NotFound:
        return None
    if "deletionTimestamp" in obj["metadata"]:
        return None
    parsed = ModelDeployment.model_validate(obj)
    selector = f"{names.MODEL_DEPLOYMENT}={name},{names.OWNED_SELECTOR}"
    services, records, route_obj, policy_obj, said = await asyncio.gather(
        _inference_services(cluster, namespace, selector),
        _records(cluster, namespace, selector, parsed.status),
        _maybe(cluster, resources.HTTP_ROUTES, namespace, name),
        _policy_object(cluster, namespace, parsed.spec.policy_ref.name),
        asked(cluster, namespace, name, {answered.uid for answered in parsed.status.actions}),
    )
    services = services and [service for service in services if _is_ours(service, name)]
    arms = await _arms(cluster, namespace, services or [])
    views = sorted(filter(None, map(view, records)), key=lambda record: record.attempt)
    if services is None and parsed.status.rollout is not None:
        # Not "no arm is left": during a rollout that would take the candidate back for an answer that is in doubt.
        raise NotFound(KSERVE_MISSING.message)
    is_foreign = foreign(route_obj, obj, parsed.status)
    problem: Problem | None = _not_ours(obj) if is_foreign else None
    if services is None:
        problem = KSERVE_MISSING
    elif problem is None:
        seen = Seen(parsed.status, route_obj, able=any(arm.ready for arm in arms.values()))
        problem = await hostname_taken(cluster, obj, seen, scope.namespaces)
    if problem is not None and problem.reason is Reason.HOSTNAME_TAKEN and route_obj is not None:
        parsed = _with_hostnames(parsed, route_obj)
    wanted, problem = (None, problem) if problem is not None else await _wanted(cluster, obj, parsed, arms)
    return Sight(
        obj=obj,
        model_deployment=parsed,
        wanted=wanted,
        problem=problem,
        inference_services={s["metadata"]["labels"].get(names.REVISION, ""): s for s in services or []},
        arms=arms,
        route_obj=route_obj,
        route=traffic.route(route_obj) if route_obj and not is_foreign else None,
        may_route=not is_foreign,
        record_objs={record["metadata"]["name"]: record for record in records},
        records=tuple(views),
        policy_obj=None if isinstance(policy_obj, Problem) else policy_obj,
        policy=_policy(parsed.spec.policy_ref.name, policy_obj, scope.prometheus),
        said=said,
    )


KSERVE_MISSING = Problem(
    Reason.KSERVE_MISSING, "the API server knows no InferenceService (serving.kserve.io/v1beta1); install KServe"
)


async def _inference_services(cluster: Cluster, namespace: str, selector: str) -> list[Object] | None:
    """Those of the ModelDeployment; None where the kind is not known."""
    try:
        return await cluster.list(resources.INFERENCE_SERVICES, namespace, selector)
    except NotFound:
        return None


def _not_ours(obj: Object) -> Problem:
    message = f"HTTPRoute {obj['metadata']['name']} exists and is not Serin's; delete it, or choose another name"
    return Problem(Reason.NAME_TAKEN, message)


def _with_hostnames(parsed: ModelDeployment, route: Object) -> ModelDeployment:
    """The ModelDeployment with the hostnames that its route has: those that spec asks for are somebody else's."""
    kept = parsed.spec.route.model_copy(update={"hostnames": list(route["spec"].get("hostnames") or [])})
    return parsed.model_copy(update={"spec": parsed.spec.model_copy(update={"route": kept})})


async def _records(cluster: Cluster, namespace: str, selector: str, status: ModelDeploymentStatus) -> list[Object]:
    """All records; during a rollout only its own: the others are history then, and each may be large."""
    if status.rollout is None or status.phase is None:
        return await cluster.list(resources.PROMOTION_RECORDS, namespace, selector)
    own = await _maybe(cluster, resources.PROMOTION_RECORDS, namespace, status.rollout.record)
    return [own] if own else []


async def _maybe(cluster: Cluster, resource: resources.Resource, namespace: str, name: str) -> Object | None:
    try:
        return await cluster.get(resource, namespace, name)
    except NotFound:
        return None


def _is_ours(service: Object, name: str) -> bool:
    """Labels can be copied; the name is derived and cannot be."""
    revision = service["metadata"]["labels"].get(names.REVISION, "")
    return bool(service["metadata"]["name"] == inference_service_name(name, revision))


async def _policy_object(cluster: Cluster, namespace: str, name: str) -> Object | Problem | None:
    """The live policy; failing to read it is told, and stops no watch (a rollout has its snapshot)."""
    try:
        return await _maybe(cluster, resources.PROMOTION_POLICIES, namespace, name)
    except (Refused, Unavailable) as error:
        return Problem(Reason.POLICY_INVALID, f"PromotionPolicy {name} cannot be read: {error}")


async def _arms(cluster: Cluster, namespace: str, services: list[Object]) -> dict[str, Arm]:
    """Every InferenceService of the ModelDeployment with its endpoints and pods."""
    if not services:
        return {}
    isvc_names = [service["metadata"]["name"] for service in services]
    service_names = ",".join(names.service_name(n) for n in isvc_names)
    slices, pods = await asyncio.gather(
        cluster.list(resources.ENDPOINT_SLICES, namespace, f"kubernetes.io/service-name in ({service_names})"),
        cluster.list(resources.PODS, namespace, f"serving.kserve.io/inferenceservice in ({','.join(isvc_names)})"),
    )
    found = {}
    for service in services:
        name = service["metadata"]["name"]
        arm = traffic.arm(
            service,
            [s for s in slices if s["metadata"]["labels"]["kubernetes.io/service-name"] == names.service_name(name)],
            [p for p in pods if p["metadata"]["labels"]["serving.kserve.io/inferenceservice"] == name],
        )
        found[arm.ref.revision] = arm
    return found


async def _wanted(
    cluster: Cluster, obj: Object, parsed: ModelDeployment, arms: Mapping[str, Arm]
) -> tuple[RevisionRef | None, Problem | None]:
    """The revision that spec asks for, or what is wrong with it (asked of the API server before anything else)."""
    metadata, model, predictor = obj["metadata"], obj["spec"]["model"], obj["spec"]["predictor"]
    owner = Owner(metadata["name"], metadata["namespace"], metadata["uid"])
    try:
        problem = problem_of(metadata["name"], metadata["namespace"], predictor)
        served(copy.deepcopy(predictor), model, metadata["name"])
    except (TypeError, AttributeError, LookupError) as error:
        problem = Problem(Reason.SPEC_INVALID, f"spec.predictor is not a PredictorSpec of KServe: {error}")
    if problem is not None:
        return None, problem
    revision = revision_of(model, predictor)
    ref = RevisionRef(
        revision=revision,
        version=parsed.spec.model.version,
        inference_service=inference_service_name(metadata["name"], revision),
    )
    known = {r.revision for r in (parsed.status.stable, parsed.status.candidate, *parsed.status.rejected) if r}
    # During a rollout nothing is asked that only a forward move needs: the watch must not depend on it.
    if revision in arms or revision in known or parsed.status.rollout is not None:
        return ref, None
    body = inference_service(owner, ref, model=model, predictor=predictor)
    try:
        await cluster.create(resources.INFERENCE_SERVICES, metadata["namespace"], body, dry_run=True)
    except Conflict:
        return ref, None
    except Refused as error:
        return None, Problem(Reason.RENDER_REFUSED, f"the InferenceService for spec.predictor is refused: {error}")
    return ref, None


def _policy(
    name: str, obj: Mapping[str, Any] | Problem | None, allowed: tuple[str, ...]
) -> PromotionPolicySpec | Problem:
    if isinstance(obj, Problem):
        return obj
    if obj is None:
        return Problem(Reason.POLICY_MISSING, f"PromotionPolicy {name} does not exist in this namespace; create it")
    try:
        policy = PromotionPolicySpec.model_validate(obj["spec"])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return Problem(Reason.POLICY_INVALID, f"PromotionPolicy {name}: spec.{where}: {first['msg']}")
    address = policy.prometheus.address if policy.prometheus else None
    if address is not None and same_place(address) not in allowed:
        message = f"PromotionPolicy {name}: spec.prometheus.address {address} is not on the operator's allow-list"
        return Problem(Reason.POLICY_INVALID, message)
    gap = unreadable(policy)
    return Problem(Reason.POLICY_INVALID, f"PromotionPolicy {name}: spec.{gap}") if gap else policy
