"""Reads the InferenceService that a ModelDeployment has adopted, or is to adopt, and KServe's own routes to it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from serin.api import names
from serin.api.model_deployment import ModelDeployment
from serin.api.predictor.naming import is_adopted
from serin.api.revision import Source
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.errors import ClusterError, NotFound, NotLeader, Refused
from serin.records import build
from serin.rollout.observation import Part, Problem
from serin.schema.reasons import Reason
from serin.together import together
from serin.traffic.backend import NOT_READ, NOTHING_EXISTS, Existing
from serin.traffic.gateway.route_view import adopted_ref
from serin.traffic.owner import owner_of
from serin.traffic.reader import Reader
from serin.traffic.standard import adoption
from serin.traffic.standard.service import predictor_of, workload_of
from serin.traffic.standard.workload import inference_service


async def existing_service(
    cluster: Cluster, reader: Reader, obj: Object, status: ModelDeploymentStatus, route: Object | None
) -> Existing:
    """The InferenceService as an arm, or why it is none."""
    namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
    ref = _known(namespace, name, status)
    said = adopted_ref((route or {}).get("metadata", {}).get("annotations") or {})
    if ref is None and status.phase is None and said is not None:
        recorded = await reader.read(Part.INFERENCE_SERVICES, _is_recorded(cluster, namespace, name, said))
        if recorded is None:
            return NOT_READ
        ref = said if recorded else None
    asked = (obj["spec"].get("adopt") or {}).get("inferenceService")
    wanted = ref.workload.name if ref is not None else asked if _is_first(status) else None
    if wanted is None:  # what was adopted once may have KServe's routes still, also when nothing leads to it any more
        beside = asked or ((route or {}).get("metadata", {}).get("annotations") or {}).get(names.COMES_BEFORE)
        return Existing(rivals=await _routes(cluster, namespace, beside, reader.seconds)) if beside else NOTHING_EXISTS
    reading = reader.read(Part.INFERENCE_SERVICES, _get(cluster, resources.INFERENCE_SERVICES, namespace, wanted))
    both = await together(reading, _routes(cluster, namespace, wanted, reader.seconds))
    found, rivals = cast("tuple[Object | None, tuple[Object, ...] | None]", tuple(both))
    unknown = Part.INFERENCE_SERVICES in reader.unknown
    if ref is not None:
        # What is not known of it keeps no request from it: its endpoints are read all the same.
        seen = found or ({"metadata": {"namespace": namespace, "name": wanted}} if unknown else None)
        return Existing(adoption.as_arm(seen, ref, name) if seen is not None else None, rivals=rivals)
    if unknown:
        return Existing(rivals=rivals)
    return replace(await _first(cluster, reader, obj, found, wanted), rivals=rivals)


def _known(namespace: str, name: str, status: ModelDeploymentStatus) -> RevisionRef | None:
    """The revision that was adopted, by the status."""
    refs = (status.stable, status.candidate, *status.draining, status.previous)
    return next((ref for ref in refs if ref is not None and is_adopted(ref, namespace, name)), None)


async def _is_recorded(cluster: Cluster, namespace: str, name: str, said: RevisionRef) -> bool:
    """Whether a record says the same of an adopted revision as a route does, which anybody may have written."""
    selector = f"{names.MODEL_DEPLOYMENT}={name},{names.OWNED_SELECTOR}"
    found = await cluster.list(resources.PROMOTION_RECORDS, namespace, selector)
    specs = [record.spec for record in map(build.parse, found) if record is not None]
    refs = [ref for spec in specs for ref in (spec.candidate, spec.stable) if ref is not None]
    return any(said.is_same(ref) and said.workload.name == ref.workload.name for ref in refs)


def _is_first(status: ModelDeploymentStatus) -> bool:
    """Whether a revision is still to become the first stable one."""
    return status.stable is None and status.candidate is None


async def _first(cluster: Cluster, reader: Reader, obj: Object, found: Object | None, asked: str) -> Existing:
    """An InferenceService that is to be adopted now."""
    try:
        source = Source.of(obj["spec"])
        refusal = _without_comparison(obj, found, asked)
        body = inference_service(owner_of(obj), _ref(obj), source)
        body["spec"]["predictor"] = adoption.content(source.model, source.predictor)
    except (TypeError, AttributeError, LookupError):
        return NOTHING_EXISTS  # spec or the InferenceService is of no form that KServe takes; that is told of spec
    if not refusal and found is not None:
        refusal = adoption.other_orders(found, body)
    if not refusal and found is not None:
        compared = await reader.read(Part.INFERENCE_SERVICES, _comparison(cluster, obj, found, body))
        if compared is None:
            return NOTHING_EXISTS
        refusal = compared
    if refusal or found is None:
        where = f"spec.adopt: InferenceService {asked} cannot become the first stable revision: "
        return Existing(problem=Problem(Reason.ADOPTION_REFUSED, where + refusal))
    return Existing(adoption.as_arm(found, _ref(obj, asked), obj["metadata"]["name"]))


def _without_comparison(obj: Object, found: Object | None, asked: str) -> str:
    """Why not, without a request; empty if nothing is in the way."""
    name, namespace = obj["metadata"]["name"], obj["metadata"]["namespace"]
    if found is None:
        return f"namespace {namespace} has none of this name; correct the name, {adoption.DEPLOY_ANEW}"
    if name in {asked, predictor_of(asked)}:
        return (
            f"KServe has a route of the name {name} for it, or may make one, and writes over what is there; give the "
            f"ModelDeployment another name, for example {asked}-live"
        )
    obstacle = adoption.obstacle(found)
    if obstacle:
        return obstacle
    later = _later(obj["spec"])
    if later:
        return (
            f"{later} is set, and KServe's own route to it has none; add it in a later revision, {adoption.DEPLOY_ANEW}"
        )
    theirs, ours = adoption.served_name(found), ModelDeployment.model_validate(obj).spec.model.served_name or name
    if theirs in {None, ours}:
        return ""
    return (
        f"its clients ask for the model {theirs}, and those of later revisions would have to ask for {ours}; set "
        f"spec.model.servedName: {theirs}"
    )


def _later(spec: Mapping[str, Any]) -> str:
    """The first field of spec that no InferenceService had from KServe's own route; empty if there is none."""
    route = spec.get("route") or {}
    if spec.get("transformer") is not None:
        return "spec.transformer"
    if route.get("protocol", "HTTP") != "HTTP":
        return f"spec.route.protocol {route['protocol']}"
    return "spec.route.matches" if route.get("matches") else ""


async def _comparison(cluster: Cluster, obj: Object, found: Object, body: Object) -> str:
    """What differs between the InferenceService and what KServe makes of spec; empty if nothing does."""
    # A name that nobody can know and take: the answer to one that exists is Conflict.
    body["metadata"]["name"] = f"{obj['metadata']['name']}-{secrets.token_hex(4)}"
    try:
        answer = await cluster.create(resources.INFERENCE_SERVICES, obj["metadata"]["namespace"], body, dry_run=True)
    except Refused as error:
        return f"whether it serves what spec says is not known, since KServe refuses what spec says: {error}"
    different = adoption.difference(found, answer)
    if not different:
        return ""
    return (
        f"it does not serve what spec.model and spec.predictor say: {different} differs; write there what it has "
        f"(`serin init --from isvc/{found['metadata']['name']}` does), and change it in a later revision"
    )


def _ref(obj: Object, inference_service: str = "") -> RevisionRef:
    source, metadata = Source.of(obj["spec"]), obj["metadata"]
    own = workload_of(metadata["namespace"], metadata["name"], source.revision)
    workload = own.model_copy(update={"name": inference_service}) if inference_service else own
    return RevisionRef(
        revision=source.revision, version=str(source.model["version"]), hash=source.hash, workload=workload
    )


async def _routes(cluster: Cluster, namespace: str, name: str, seconds: float) -> tuple[Object, ...] | None:
    """KServe's own routes to the InferenceService; None if they cannot be read now: no pass waits for them."""
    try:
        async with asyncio.timeout(seconds):
            wanted = (name, predictor_of(name))
            found: list[Any] = await together(*(_get(cluster, resources.HTTP_ROUTES, namespace, n) for n in wanted))
    except NotLeader:
        raise
    except (ClusterError, TimeoutError):
        return None
    return tuple(route for route in found if route is not None and _leads_only_to(route, predictor_of(name)))


def _leads_only_to(route: Object, service: str) -> bool:
    """Whether it is somebody else's and has nothing but the InferenceService behind it."""
    rules = route["spec"].get("rules") or []
    refs = {str(ref.get("name")) for rule in rules for ref in rule.get("backendRefs") or []}
    return refs == {service} and names.MODEL_DEPLOYMENT not in (route["metadata"].get("labels") or {})


async def _get(cluster: Cluster, resource: resources.Resource, namespace: str, name: str) -> Object | None:
    try:
        return await cluster.get(resource, namespace, name)
    except NotFound:
        return None
