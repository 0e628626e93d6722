"""``serin leave``: what stays, in which order, and from where it goes on when it was ended in the middle."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from typing import Any

import pytest

from serin.cli.leaving.leave import Leave, Leaving, Left
from serin.cli.leaving.patience import Patience
from serin.cluster import resources
from serin.cluster.client import Object
from serin.cluster.resources import Resource
from serin.errors import Conflict, InvalidInput
from tests.adopting_lab import HOST, OLD, Adopting, kserves_route, named, old
from tests.fakes import FakeCluster, Killed


class Api(FakeCluster):
    """An API server with KServe behind it, which also replaces objects and deletes one without what it owns."""

    kserve_routes = True

    async def replace(self, resource: Resource, body: Object) -> Object:
        key = (resource.plural, body["metadata"]["namespace"], body["metadata"]["name"])
        old_one = self.objects[key]
        if old_one["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            raise Conflict(key[2])
        new = {**body, "metadata": {**body["metadata"], "generation": old_one["metadata"].get("generation", 0) + 1}}
        if resource is resources.HTTP_ROUTES:
            new["status"] = {"parents": [accepted(new["metadata"]["generation"])]}
        return self._write(f"replace {resource.plural}", key, new)

    async def create(self, resource: Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        if resource is resources.HTTP_ROUTES:
            body = {**body, "status": {"parents": [accepted(0)]}}
        return await super().create(resource, namespace, body, dry_run=dry_run)

    async def list(self, resource: Resource, namespace: str, selector: str) -> list[Object]:
        found = await super().list(resource, namespace, selector)
        if resource is not resources.ENDPOINT_SLICES:
            return found
        return [piece for piece in found if piece["metadata"]["labels"]["kubernetes.io/service-name"] in selector]

    def _store(self, key: tuple[str, str, str], new: Object | None) -> Object:
        stored = super()._store(key, new)
        self._kserve(key)
        return stored

    async def release(self, resource: Resource, namespace: str, name: str, *, uid: str) -> None:
        self._write(f"release {resource.plural}", (resource.plural, namespace, name), None)
        for obj in self.objects.values():
            owners = obj["metadata"].get("ownerReferences") or []
            obj["metadata"]["ownerReferences"] = [owner for owner in owners if owner["uid"] != uid]

    def _kserve(self, key: tuple[str, str, str]) -> None:
        """KServe makes a Deployment of an InferenceService, and a route that it writes over."""
        service = self.objects.get(key)
        if key[0] != "inferenceservices" or service is None:
            return
        place = ("deployments", key[1], f"{key[2]}-predictor")
        generation = self.objects.get(place, {"metadata": {"generation": 0}})["metadata"]["generation"] + 1
        counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), 1)
        super()._store(
            place,
            {
                "metadata": {"name": place[2], "namespace": key[1], "generation": generation},
                "spec": {"replicas": 1},
                "status": {"observedGeneration": generation, **counts},
            },
        )
        if self.kserve_routes and "networking.kserve.io/visibility" not in (service["metadata"].get("labels") or {}):
            route = kserves_route()
            route["metadata"]["name"] = key[2]
            route["spec"]["hostnames"] = [HOST if key[2] == OLD else f"{key[2]}-prod.example.com"]
            route["spec"]["rules"][0]["backendRefs"] = [{"name": f"{key[2]}-predictor", "port": 80, "weight": 1}]
            super()._store(("httproutes", key[1], key[2]), {**route, "status": {"parents": [accepted(1)]}})


def accepted(generation: int) -> dict[str, Any]:
    kinds = ("Accepted", "ResolvedRefs")
    return {"conditions": [{"type": k, "status": "True", "observedGeneration": generation} for k in kinds]}


class Home(Adopting):
    """A ModelDeployment that may leave."""

    cluster: Api  # type: ignore[assignment]

    def new_cluster(self) -> FakeCluster:
        return Api(clock=lambda: self.now)

    def leaving(self) -> Leaving:
        moment = [0.0]

        async def sleep(seconds: float) -> None:
            moment[0] += seconds
            self.sent.append(tuple(self.requests()))

        self.sent: list[tuple[str, ...]] = []
        self.said: list[str] = []
        patience = Patience(60, clock=lambda: moment[0], sleep=sleep)
        return Leaving(self.cluster, "prod", "fraud", self.said.append, patience)

    async def leave(self, to: str | None = None) -> Leave:
        return await self.leaving().run(to)

    def requests(self) -> list[str]:
        """The InferenceServices that get the hostname's requests, by the first route that a gateway obeys."""
        routes = [o for k, o in self.cluster.objects.items() if k[0] == "httproutes" and HOST in o["spec"]["hostnames"]]
        routes.sort(key=lambda r: -len(r["spec"]["rules"][0]["matches"]))
        refs = routes[0]["spec"]["rules"][0]["backendRefs"] if routes else []
        return [ref["name"].removesuffix("-predictor") for ref in refs if ref.get("weight", 1)]

    def names(self, plural: str) -> set[str]:
        return {k[2] for k in self.cluster.objects if k[0] == plural}


async def promoted(**arguments: Any) -> Home:
    """Version 2 is stable; version 1 was an adopted service."""
    home = Home(service=old(), **arguments)
    await home.adopted()
    home.want("2")
    await home.until(home.stable("2"))
    for _ in range(10):
        await home.tick()
    return home


def serves(home: Home, name: str, uri: str) -> None:
    service = home.obj(resources.INFERENCE_SERVICES, name)
    assert service["spec"]["predictor"]["model"]["storageUri"] == uri
    assert not any(key.startswith("serin.dev/") for key in service["metadata"].get("labels") or {})
    assert not service["metadata"].get("ownerReferences")
    assert home.requests() == [name]


async def test_the_adopted_service_serves_again_by_kserves_own_route() -> None:
    home = await promoted()
    home.cluster.objects["httproutes", "prod", OLD]["status"] = {"parents": [accepted(1)]}
    assert await home.leave() == Leave("prod", "fraud", OLD, None)
    serves(home, OLD, "s3://models/2")
    assert home.names("httproutes") == {OLD}
    assert home.names("inferenceservices") == {OLD}
    assert home.names("modeldeployments") == set()
    assert home.names("promotionrecords"), "what happened stays on record"
    assert "args" not in home.obj(resources.INFERENCE_SERVICES, OLD)["spec"]["predictor"]["model"]


async def test_one_that_was_never_promoted_past_leaves_at_once() -> None:
    home = Home(service=old())
    await home.adopted()
    before = home.obj(resources.INFERENCE_SERVICES, OLD)["metadata"]["resourceVersion"]
    home.cluster.objects["httproutes", "prod", OLD]["status"] = {"parents": [accepted(1)]}
    await home.leave()
    serves(home, OLD, "s3://models/1")
    assert home.obj(resources.INFERENCE_SERVICES, OLD)["metadata"]["resourceVersion"] == before
    assert home.names("httproutes") == {OLD}


async def test_a_hostname_that_kserve_does_not_serve_keeps_its_route() -> None:
    home = await promoted()
    home.cluster.kserve_routes = False  # and the one that is there is not accepted
    await home.leave()
    serves(home, OLD, "s3://models/2")
    route = home.obj(resources.HTTP_ROUTES)
    assert not route["metadata"]["labels"]
    assert not route["metadata"]["annotations"]
    assert any("HTTPRoute fraud stays" in line for line in home.said)


async def test_a_route_that_does_more_than_kserves_stays_and_says_so() -> None:
    home = await promoted()
    home.cluster.objects["httproutes", "prod", OLD]["status"] = {"parents": [accepted(1)]}
    home.obj(resources.HTTP_ROUTES)["spec"]["rules"][0]["timeouts"] = {"request": "300s"}
    await home.leave()
    serves(home, OLD, "s3://models/2")
    assert home.names("httproutes") == {OLD, "fraud"}
    assert "requests may take 5m by it, and 5s by KServe's own route" in home.said[-1]


async def test_what_scales_the_model_scales_it_afterwards() -> None:
    keda = {"serving.kserve.io/autoscalerClass": "keda"}
    query = 'sum(x{pod=~"$(inferenceService)-predictor-.*"})'
    metric = {"type": "External", "external": {"metric": {"backend": "prometheus", "query": query}}}
    scaled = {"annotations": keda, "minReplicas": 1, "autoScaling": {"metrics": [metric]}}
    home = Home(route=False)
    home.want("1", adopt=None, predictor={"model": {"modelFormat": {"name": "sklearn"}}, **scaled})
    await home.until(home.stable("1"))
    await home.leave()
    service = home.obj(resources.INFERENCE_SERVICES)
    assert keda.items() <= service["metadata"]["annotations"].items(), "KServe would make an autoscaler on CPU"
    [left] = service["spec"]["predictor"]["autoScaling"]["metrics"]
    assert left["external"]["metric"]["query"] == 'sum(x{pod=~"fraud-predictor-.*"})'


async def test_one_that_was_never_adopted_leaves_under_its_own_name() -> None:
    home = await never_adopted()
    await home.leave()
    serves(home, "fraud", "s3://models/1")
    assert home.names("httproutes") == {"fraud", "fraud-route"}, "KServe writes over a route of its service's name"
    assert home.names("inferenceservices") == {"fraud"}


async def begun() -> Home:
    home = await promoted()
    home.want("3")
    await home.until(lambda: bool(home.status.get("candidate")))
    return home


async def unready() -> Home:
    return Home()


@pytest.mark.parametrize(
    ("begin", "to", "words"),
    [
        pytest.param(begun, None, "version 3 is being rolled out", id="a rollout is under way"),
        pytest.param(unready, None, "no stable revision", id="nothing serves"),
        pytest.param(promoted, "other", "was not adopted by fraud", id="somebody else's service"),
        pytest.param(promoted, "Fraud_Kept", "KServe makes one DNS label", id="a name that KServe refuses"),
        pytest.param(promoted, "a" * 60, "KServe makes one DNS label", id="a name that is too long for KServe"),
    ],
)
async def test_what_cannot_leave_now_is_told_and_left_alone(
    begin: Callable[[], Any], to: str | None, words: str
) -> None:
    home = await begin()
    home.cluster.put(resources.INFERENCE_SERVICES, old(metadata={"name": "other", "namespace": "prod"}))
    writes = len(home.cluster.writes)
    with pytest.raises(InvalidInput, match=words):
        await home.leave(to)
    assert len(home.cluster.writes) == writes


async def test_another_name_in_a_second_call_is_refused() -> None:
    home = await promoted()
    home.cluster.die_at = (len(home.cluster.writes) + 2, "before")
    with pytest.raises(Killed):
        await home.leave()
    home.cluster.die_at = None
    assert home.names("modeldeployments") == set(), "the first call has begun"
    with pytest.raises(InvalidInput, match=f"leaves to InferenceService {OLD} already; leave --as out, or say {OLD}"):
        await home.leave("other")


async def test_mode_knative_has_one_command_for_it() -> None:
    home = Home(route=False)
    home.want("1", adopt=None, mode="Knative")
    with pytest.raises(InvalidInput, match="kubectl delete mdep --cascade=orphan fraud -n "):
        await home.leave()


async def never_adopted() -> Home:
    """Version 1 is stable, under a hostname that KServe knows nothing of."""
    home = Home(route=False)
    home.want("1", adopt=None, model={"version": "1", "uri": "s3://models/1"})
    await home.until(home.stable("1"))
    return home


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("begin", "to", "uri"), [(promoted, OLD, "s3://models/2"), (never_adopted, "fraud", "s3://models/1")]
)
async def test_an_end_at_any_write_loses_no_request_and_the_next_call_goes_on(
    begin: Callable[[], Any], to: str, uri: str, when: str
) -> None:
    home = await begin()
    objects, deaths = copy.deepcopy(home.cluster.objects), 0
    for number in range(30):
        home.cluster.objects = copy.deepcopy(objects)
        home.restart()
        home.cluster.die_at = (len(home.cluster.writes) + number, when)
        try:
            await home.leave()
        except Killed:
            deaths += 1
            home.cluster.die_at = None
            assert len(home.requests()) == 1, "the hostname is served meanwhile"
            await home.tick()  # Serin runs, too
            with contextlib.suppress(Left):
                await home.leave()
        serves(home, to, uri)
        assert home.names("inferenceservices") == {to}
        if deaths <= number:
            break
    assert deaths >= 6


def planted(home: Home, name: str, to: str, stable: str) -> None:
    """A route of somebody who may write routes, and no InferenceService."""
    route = kserves_route()
    adopted = f"{'a' * 64} 9 {stable}"
    said = {"leave.serin.dev/to": to, "serin.dev/stable-revision": "a" * 8, "serin.dev/adopted": adopted}
    route["metadata"] |= {"name": name, "annotations": said}
    home.cluster.put(resources.HTTP_ROUTES, {**route, "status": {"parents": [accepted(0)]}})


def others(home: Home) -> tuple[Object, Object]:
    """Two InferenceServices that have nothing to do with the ModelDeployment."""
    evil = old(metadata={"name": "evil", "namespace": "prod"})
    evil["spec"] = {"predictor": {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://evil"}}}
    victim = old(metadata={"name": "victim", "namespace": "prod"})
    for one in (evil, victim):
        home.cluster.put(resources.INFERENCE_SERVICES, one)
    return evil, victim


@pytest.mark.parametrize("to", ["victim", OLD])
@pytest.mark.parametrize("route", ["fraud", "fraud-route"])
@pytest.mark.parametrize("deployment", ["is there", "is gone"])
async def test_a_planted_route_has_nobodys_service_changed(to: str, route: str, deployment: str) -> None:
    home = await promoted()
    others(home)
    if deployment == "is gone":
        home.cluster.objects.pop(("modeldeployments", "prod", "fraud"))
    if deployment == "is gone" or route != "fraud":
        planted(home, route, to, "evil")
    before = copy.deepcopy({k: v for k, v in home.cluster.objects.items() if k[0] == "inferenceservices"})
    with contextlib.suppress(InvalidInput):
        await home.leave()
    for name in ("victim", OLD):
        spec = home.obj(resources.INFERENCE_SERVICES, name)["spec"]
        changed_to_its_own = name == OLD and spec["predictor"]["model"]["storageUri"] == "s3://models/2"
        assert spec == before["inferenceservices", "prod", name]["spec"] or changed_to_its_own, name


async def test_a_service_that_does_not_come_up_is_told_and_nothing_is_switched() -> None:
    home = await promoted()
    home.cluster.ready = lambda name: 0 if name == OLD else 1
    with pytest.raises(InvalidInput, match="InferenceService old has 1 ready replicas: not within 60 s"):
        await home.leave()
    assert home.requests() == [named("2")]
    home.cluster.ready = lambda _: 1
    await home.leave()
    serves(home, OLD, "s3://models/2")
