"""``serin leave``: a ModelDeployment goes, and its traffic, its model and an InferenceService of KServe's stay.

It runs with its caller's rights, whether Serin runs or not. Each step reads what is there and does what is missing, so
that the command, called again, goes on where it was ended. The route says meanwhile where it leads to (``left.TO``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from serin.api import names
from serin.api.model_deployment import ModelDeployment
from serin.api.predictor.naming import service_name
from serin.cli.leaving import kserves_route, left
from serin.cli.leaving.may_leave import target
from serin.cli.leaving.patience import Patience
from serin.cli.live.views import DOCUMENT_VERSION
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.cluster.resources import Resource
from serin.errors import InvalidInput, NotFound
from serin.schema.types import parse_duration
from serin.traffic.gateway.route_view import adopted_ref, route_view
from serin.traffic.kserve.ready import ready_endpoints
from serin.traffic.standard.adoption import difference
from serin.traffic.standard.arms import SLICE_LABEL
from serin.traffic.standard.service import predictor_of, services_of

SETTLE_SECONDS = 3.0
"""How long a gateway has a new Service in its route without weight, to learn its endpoints."""
DEFAULT_DRAIN_SECONDS = 60.0


class Left(InvalidInput):
    """There is no ModelDeployment of the name, or no more."""


class Writable(Cluster, Protocol):
    """An API server, with what only this command asks of it."""

    async def replace(self, resource: Resource, body: Object) -> Object:
        """Replaces the whole object; ``Conflict`` unless ``resourceVersion`` is the newest."""

    async def release(self, resource: Resource, namespace: str, name: str, *, uid: str) -> None:
        """Deletes an object and keeps what it owns."""


@dataclass(frozen=True, slots=True)
class Leave:
    """``serin leave``: what stays of a ModelDeployment."""

    namespace: str
    name: str
    inference_service: str
    """The InferenceService that serves, and is KServe's alone."""
    route: str | None
    """The HTTPRoute that stays and is the caller's now; null where KServe's own does the same."""
    kind: str = "LeaveResult"
    api_version: str = DOCUMENT_VERSION


@dataclass(frozen=True, slots=True)
class Leaving:
    """One ModelDeployment of mode Standard that leaves."""

    cluster: Writable
    namespace: str
    name: str
    say: Callable[[str], None]
    patience: Patience

    async def run(self, asked: str | None) -> Leave:
        """From wherever it is to its end; ``InvalidInput`` if it cannot begin or go on, ``ClusterError``."""
        obj = await self._get(resources.MODEL_DEPLOYMENTS, self.name)
        begun = await self._begin(obj, asked) if obj is not None else None
        route = await self._marked_route()
        if route is None:
            raise Left(f"namespace {self.namespace} has no ModelDeployment {self.name}: there is nothing to leave")
        to, stable = route["metadata"]["annotations"][left.TO], self._stable(route)
        if begun is not None and (to, stable) != begun:  # whoever may write routes could say what is changed here
            raise InvalidInput(
                f"HTTPRoute {route['metadata']['name']} says that {stable} leaves to {to}, and {self.name} leaves to "
                f"{begun[0]}: somebody else wrote that; delete that route, and call this again"
            )
        if begun is None and asked is not None and asked != to:
            raise InvalidInput(f"{self.name} leaves to InferenceService {to} already; leave --as out, or say {to}")
        if to != stable and await self._get(resources.INFERENCE_SERVICES, stable) is not None:
            if to == self.name:
                route = await self._under_another_name(route)
            await self._serve(to, stable)
            route = await self._switch(route, to, stable)
        kept = await self._end(route, to)
        return Leave(self.namespace, self.name, to, kept)

    async def _begin(self, obj: Object, asked: str | None) -> tuple[str, str] | None:
        """Checks, marks the route, and deletes the ModelDeployment without what it owns.

        Returns the InferenceServices that is to serve and that serves; None if an earlier call has begun.
        """
        deployment, metadata, begun = ModelDeployment.model_validate(obj), obj["metadata"], None
        if "deletionTimestamp" not in metadata:
            own = await self._get(resources.INFERENCE_SERVICES, self.name)
            to = target(obj, deployment, asked, own)
            await self._check_target(deployment, to)
            route = await self._get(resources.HTTP_ROUTES, self.name)
            if route is None or names.STABLE_REVISION not in (route["metadata"].get("annotations") or {}):
                raise InvalidInput(f"HTTPRoute {self.name} is not there, or not Serin's: what serves is not known")
            await self.cluster.replace(resources.HTTP_ROUTES, left.marked(route, to))
            begun = to, self._stable(route)
            self.say(f"ModelDeployment {self.name} is deleted; its route and InferenceServices stay")
            await self.cluster.release(resources.MODEL_DEPLOYMENTS, self.namespace, self.name, uid=metadata["uid"])

        async def gone() -> bool:
            return await self._get(resources.MODEL_DEPLOYMENTS, self.name) is None

        await self.patience.until(gone, f"ModelDeployment {self.name} is gone")
        return begun

    async def _check_target(self, deployment: ModelDeployment, to: str) -> None:
        """``InvalidInput`` if the name is that of somebody else's InferenceService."""
        status, existing = deployment.status, await self._get(resources.INFERENCE_SERVICES, to)
        known = {ref.workload.name for ref in (status.stable, status.previous) if ref is not None}
        if deployment.spec.adopt is not None:
            known.add(deployment.spec.adopt.inference_service)
        if existing is not None and to not in known:
            raise InvalidInput(
                f"InferenceService {to} exists and was not adopted by {self.name}; give another name with --as"
            )
        labels = existing["metadata"].get("labels") or {} if existing is not None else {}
        if labels.get(names.MANAGED_BY) == names.MANAGER:
            raise InvalidInput(f"InferenceService {to} is one that Serin made and deletes; give another name with --as")

    async def _marked_route(self) -> Object | None:
        """The route that leads to what is stable and says where the ModelDeployment leaves to."""
        for name in (self._kept_name, self.name):
            route = await self._get(resources.HTTP_ROUTES, name)
            if (
                route is not None
                and {left.TO, names.STABLE_REVISION} <= (route["metadata"].get("annotations") or {}).keys()
            ):
                return route
        return None

    @property
    def _kept_name(self) -> str:
        return f"{self.name}-route"

    def _stable(self, route: Object) -> str:
        """The InferenceService of what was stable."""
        annotations = route["metadata"]["annotations"]
        revision, adopted = annotations[names.STABLE_REVISION], adopted_ref(annotations)
        if adopted is not None and adopted.revision == revision:
            return adopted.workload.name
        return service_name(self.namespace, self.name, revision)

    async def _under_another_name(self, route: Object) -> Object:
        """Another route in its place: KServe writes over a route that has the name of an InferenceService."""
        if route["metadata"]["name"] != self._kept_name:
            self.say(f"HTTPRoute {self._kept_name} takes the place of {self.name}, whose name KServe needs")
            copy = left.copied(route, self._kept_name)
            route = await self.cluster.create(resources.HTTP_ROUTES, self.namespace, copy)

        async def seen() -> bool:
            found = await self._get(resources.HTTP_ROUTES, self._kept_name)
            return bool(((found or {}).get("status") or {}).get("parents"))

        await self.patience.until(seen, f"the gateway has seen HTTPRoute {self._kept_name}")
        first = await self._get(resources.HTTP_ROUTES, self.name)
        if first is not None and left.TO in (first["metadata"].get("annotations") or {}):
            uid = first["metadata"]["uid"]
            await self.cluster.delete(resources.HTTP_ROUTES, self.namespace, self.name, uid=uid)
        return route

    async def _serve(self, to: str, stable: str) -> None:
        """The InferenceService serves what is stable, with as many replicas."""
        source = await self.cluster.get(resources.INFERENCE_SERVICES, self.namespace, stable)
        ready = await self._ready(stable)
        wanted = left.service_left(source, to, ready)
        existing, before = await self._get(resources.INFERENCE_SERVICES, to), -1
        if existing is None:
            self.say(f"InferenceService {to} is created, with what serves now")
            await self.cluster.create(resources.INFERENCE_SERVICES, self.namespace, wanted)
        elif left.differs(existing, wanted) or existing["spec"]["predictor"].get("minReplicas", 1) < ready:
            await self._check_change(to, source)
            self.say(f"InferenceService {to} gets what serves now; it has no traffic yet")
            before = (await self._deployment(to) or {"metadata": {"generation": -1}})["metadata"]["generation"]
            changed = bool(difference(existing, wanted))
            await self.cluster.replace(resources.INFERENCE_SERVICES, left.changed_to(existing, wanted))
            before = before if changed else -1

        async def ready_now() -> bool:
            return await self._is_rolled_out(to, before) and await self._ready(to) >= max(ready, 1)

        await self.patience.until(ready_now, f"InferenceService {to} has {max(ready, 1)} ready replicas")

    async def _check_change(self, to: str, source: Object) -> None:
        """``InvalidInput`` unless both are the ModelDeployment's by what only Serin writes: records, and its label."""
        selector = f"{names.MODEL_DEPLOYMENT}={self.name}"
        records = await self.cluster.list(resources.PROMOTION_RECORDS, self.namespace, selector)
        known = left.workloads_in(records)
        labels = source["metadata"].get("labels") or {}
        own = (labels.get(names.MANAGED_BY), labels.get(names.MODEL_DEPLOYMENT)) == (names.MANAGER, self.name)
        if to not in known or not (own or source["metadata"]["name"] in known):
            raise InvalidInput(
                f"HTTPRoute says that InferenceService {to} is to get what {source['metadata']['name']} serves, and no "
                f"PromotionRecord of {self.name} names both: write that into {to} yourself, and call this again"
            )

    async def _is_rolled_out(self, name: str, before: int) -> bool:
        """Whether its Deployment is newer than generation ``before`` and all its pods are of the newest template."""
        found = await self._deployment(name)
        if found is None or found["metadata"]["generation"] <= before:
            return False
        status, wanted = found.get("status") or {}, found["spec"].get("replicas", 1)
        counts = {status.get(count, 0) for count in ("replicas", "updatedReplicas", "availableReplicas")}
        return status.get("observedGeneration", 0) >= found["metadata"]["generation"] and counts == {wanted}

    async def _deployment(self, name: str) -> Object | None:
        return await self._get(resources.DEPLOYMENTS, predictor_of(name))

    async def _ready(self, name: str) -> int:
        service = f"{SLICE_LABEL}={predictor_of(name)}"
        return ready_endpoints(await self.cluster.list(resources.ENDPOINT_SLICES, self.namespace, service))

    async def _switch(self, route: Object, to: str, stable: str) -> Object:
        """All requests go to the InferenceService; the old one keeps a place without weight until it has drained."""
        now = left.weights_in(route)
        if now.get(to) != 100:  # noqa: PLR2004 - percent
            route = await self._lead(route["metadata"]["name"], {stable: 100, to: 0})
            await self.patience.sleep(SETTLE_SECONDS)
            route = await self._lead(route["metadata"]["name"], {to: 100, stable: 0})
            self.say(f"all requests go to InferenceService {to}")
        timeout = (route["spec"]["rules"][0].get("timeouts") or {}).get("request")
        await self.patience.sleep(parse_duration(timeout).total_seconds() if timeout else DEFAULT_DRAIN_SECONDS)
        return route

    async def _lead(self, name: str, weights: dict[str, int]) -> Object:
        """Writes the split and waits until the gateway has accepted it."""
        route = await self.cluster.get(resources.HTTP_ROUTES, self.namespace, name)
        await self.cluster.replace(resources.HTTP_ROUTES, left.leading_to(route, weights))
        found = route

        async def accepted() -> bool:
            nonlocal found
            found = await self.cluster.get(resources.HTTP_ROUTES, self.namespace, name)
            return route_view(found, services_of, service_name).accepted

        await self.patience.until(accepted, f"the gateway has accepted HTTPRoute {name}")
        return found

    async def _end(self, route: Object, to: str) -> str | None:
        """The rest of Serin goes: its InferenceServices, and the route where KServe's own takes over.

        Returns the name of the HTTPRoute that stays; None if none does.
        """
        name = route["metadata"]["name"]
        if left.weights_in(route) != {to: 100}:
            route = await self._lead(name, {to: 100})
        selector = f"{names.MODEL_DEPLOYMENT}={self.name},{names.OWNED_SELECTOR}"
        for service in await self.cluster.list(resources.INFERENCE_SERVICES, self.namespace, selector):
            metadata = service["metadata"]
            self.say(f"InferenceService {metadata['name']} serves nobody any more and is deleted")
            await self.cluster.delete(
                resources.INFERENCE_SERVICES, self.namespace, metadata["name"], uid=metadata["uid"]
            )
        own = [await self._get(resources.HTTP_ROUTES, other) for other in (to, predictor_of(to)) if other != name]
        lacking = kserves_route.lacking([other for other in own if other is not None], route, to)
        if not lacking:
            await self.cluster.delete(resources.HTTP_ROUTES, self.namespace, name, uid=route["metadata"]["uid"])
            self.say(f"KServe's own route does the same for every hostname; HTTPRoute {name} is deleted")
            return None
        await self.cluster.replace(resources.HTTP_ROUTES, left.without_serin(route))
        self.say(f"HTTPRoute {name} stays, and is yours: {lacking}")
        return str(name)

    async def _get(self, resource: Resource, name: str) -> Object | None:
        try:
            return await self.cluster.get(resource, self.namespace, name)
        except NotFound:
            return None
