"""What somebody else has is told and left alone; what was ours to keep is put back and told."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

from serin.cluster import resources
from serin.cluster.resources import Resource
from serin.errors import NotFound, Refused
from tests.clock import api_time
from tests.lab import Lab, isvc, spec

ROUTE_KEY = ("httproutes", "prod", "fraud")


def other(namespace: str, created: str, hostname: str = "fraud.example.com", **route: Any) -> dict[str, Any]:
    wanted = spec("1")
    wanted["route"] |= {"hostnames": [hostname], "parentRef": {"name": "models", "namespace": "prod"}, **route}
    metadata = {"namespace": namespace, "name": "older", "creationTimestamp": created, "generation": 1}
    return {"apiVersion": "serin.dev/v1alpha1", "kind": "ModelDeployment", "metadata": metadata, "spec": wanted}


def route_of(namespace: str, *hostnames: str, **changes: Any) -> dict[str, Any]:
    """An HTTPRoute that somebody made by hand and the gateway has accepted."""
    return {
        "metadata": {"namespace": namespace, "name": "theirs"},
        "spec": {"parentRefs": [{"name": "models", "namespace": "prod"}], "hostnames": list(hostnames)} | changes,
        "status": {"parents": [{"conditions": [{"type": "Accepted", "status": "True"}]}]},
    }


def events(lab: Lab) -> list[tuple[str, str]]:
    return [(o["reason"], o["message"]) for k, o in lab.cluster.objects.items() if k[0] == "events"]


async def test_a_hostname_that_an_older_one_claims_is_refused() -> None:
    lab = Lab()
    lab.obj()["metadata"]["creationTimestamp"] = api_time()
    lab.cluster.put(resources.MODEL_DEPLOYMENTS, other("risk", api_time(-60)))
    for _ in range(9):
        await lab.tick()
    assert "fraud.example.com is claimed on the same Gateway in another namespace" in lab.status["message"]
    assert "risk" not in lab.status["message"]
    assert next(c for c in lab.status["conditions"] if c["type"] == "Stalled")["reason"] == "HostnameTaken"
    assert ROUTE_KEY not in lab.cluster.objects
    lab.now += timedelta(minutes=9)
    await lab.until(lab.stable("1"))  # it has not served in ten minutes: a claim is no reservation for ever


async def test_a_younger_one_another_hostname_or_another_gateway_takes_nothing() -> None:
    lab = Lab()
    lab.obj()["metadata"]["creationTimestamp"] = "2026-11-22T00:00:00Z"
    early = "2026-11-21T23:59:00Z"
    strangers = [
        other("a", "2026-11-23T00:00:00Z"),
        other("b", early, "else.example.com"),
        other("c", early, parentRef={"name": "models"}),
    ]
    for stranger in strangers:
        lab.cluster.put(resources.MODEL_DEPLOYMENTS, stranger)
    await lab.until(lab.stable("1"))


async def test_a_route_keeps_its_hostnames_when_the_new_ones_are_taken() -> None:
    lab = Lab()
    lab.cluster.put(resources.HTTP_ROUTES, route_of("risk", "gold.example.com"))
    await lab.until(lab.stable("1"))
    lab.want("1", route={**spec("1")["route"], "hostnames": ["gold.example.com"]})
    for _ in range(5):
        await lab.tick()
    assert lab.cluster.objects[ROUTE_KEY]["spec"]["hostnames"] == ["fraud.example.com"]
    assert "gold.example.com is claimed" in lab.status["message"]
    assert lab.backends() == {isvc("1"): 100}


async def test_a_route_keeps_its_gateway_when_the_hostname_is_taken_on_the_new_one() -> None:
    """A Gateway of one's own takes any hostname; the route may not be carried from there to the victim's Gateway."""
    lab = Lab()
    victims = {"name": "shared", "namespace": "gateways"}
    lab.cluster.put(resources.HTTP_ROUTES, route_of("risk", "fraud.example.com", parentRefs=[victims]))
    await lab.until(lab.stable("1"))
    lab.want("1", route={**spec("1")["route"], "parentRef": victims})
    for _ in range(5):
        await lab.tick()
    assert lab.cluster.objects[ROUTE_KEY]["spec"]["parentRefs"] == [{"name": "models"}]
    assert "fraud.example.com is claimed on the same Gateway in another namespace" in lab.status["message"]
    assert "ask who runs Gateway shared in namespace gateways" in lab.status["message"]
    del lab.cluster.objects["httproutes", "risk", "theirs"]
    await lab.until(lambda: lab.cluster.objects[ROUTE_KEY]["spec"]["parentRefs"] == [victims])
    assert lab.backends() == {isvc("1"): 100}


async def test_a_hostname_that_is_changed_while_the_first_revision_comes_up_is_asked_about_before_the_route() -> None:
    lab = Lab()
    lab.cluster.put(resources.HTTP_ROUTES, route_of("risk", "*.bank.example.com"))
    lab.cluster.ready = lambda _: 0
    await lab.until(lambda: "rollout" in lab.status)
    lab.want("1", route={**spec("1")["route"], "hostnames": ["login.bank.example.com"]})
    for _ in range(3):
        await lab.tick()
    lab.cluster.ready = lambda _: 1
    for _ in range(9):
        await lab.tick()
    assert ROUTE_KEY not in lab.cluster.objects
    assert "login.bank.example.com is claimed" in lab.status["message"]
    assert (lab.status["phase"], lab.condition("Stalled")["reason"]) == ("Pending", "HostnameTaken")
    wake_at = await lab.tick()
    assert wake_at is not None
    assert wake_at - lab.now > timedelta(seconds=20), "each question reads all routes"
    lab.want("1")
    await lab.until(lab.stable("1"))
    assert lab.cluster.objects[ROUTE_KEY]["spec"]["hostnames"] == ["fraud.example.com"]


async def test_a_model_that_is_deleted_and_created_again_does_not_come_back_under_another_hostname() -> None:
    """Its records say what was stable, and so it serves at once; nobody has been asked about the new hostname yet."""
    lab = Lab()
    await lab.until(lab.stable("1"))
    for key in [key for key in lab.cluster.objects if key[0] not in {"promotionrecords", "promotionpolicies"}]:
        del lab.cluster.objects[key]
    lab.cluster.put(resources.HTTP_ROUTES, route_of("risk", "*.bank.example.com"))
    lab.want("1", route={**spec("1")["route"], "hostnames": ["login.bank.example.com"]})
    for _ in range(9):
        await lab.tick()
        assert ROUTE_KEY not in lab.cluster.objects
    assert "login.bank.example.com is claimed" in lab.status["message"]
    lab.want("1")
    await lab.until(lab.stable("1"))
    await lab.until(lambda: lab.backends() == {isvc("1"): 100})


async def test_a_stable_model_asks_nobody() -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.cluster.put(resources.HTTP_ROUTES, route_of("risk", "*.example.com"))  # as before an upgrade
    real, asked = lab.cluster.list, []

    async def counting(resource: Resource, namespace: str, selector: str) -> list[dict[str, Any]]:
        asked.append(resource)
        return await real(resource, namespace, selector)

    lab.cluster.list = counting  # type: ignore[method-assign]
    for _ in range(5):
        await lab.tick()
    assert not {resources.MODEL_DEPLOYMENTS, resources.HTTP_ROUTES} & set(asked)
    assert lab.stable("1")()
    del lab.cluster.objects[ROUTE_KEY]
    await lab.tick()
    assert lab.backends() == {isvc("1"): 100}, "a lost route is put back and nobody is asked"


async def test_a_rollback_does_not_wait_for_the_question_who_claims_a_hostname() -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lambda: lab.status["phase"] == "Progressing")
    real = lab.cluster.list

    async def refused(resource: Resource, namespace: str, selector: str) -> list[dict[str, Any]]:
        if resource is resources.MODEL_DEPLOYMENTS:
            raise Refused("403")
        return await real(resource, namespace, selector)

    lab.cluster.list = refused  # type: ignore[method-assign]
    lab.want("2", route={**spec("2")["route"], "hostnames": ["new.example.com"]})
    lab.prometheus.candidate_bad = 30
    await lab.until(lambda: lab.status["phase"] in {"RollingBack", "RolledBack"})
    assert lab.cluster.objects[ROUTE_KEY]["spec"]["hostnames"] == ["fraud.example.com"]


async def test_somebody_elses_route_of_the_same_name_is_not_touched() -> None:
    lab = Lab()
    strange = {
        "metadata": {"namespace": "prod", "name": "fraud", "labels": {"app": "web"}},
        "spec": {"rules": [{"backendRefs": []}]},
    }
    lab.cluster.put(resources.HTTP_ROUTES, strange)
    before = copy.deepcopy(lab.cluster.objects[ROUTE_KEY])
    for _ in range(9):
        await lab.tick()
    assert lab.cluster.objects[ROUTE_KEY] == before
    assert "HTTPRoute fraud exists and is not Serin's" in lab.status["message"]


async def test_without_kserve_the_cause_is_told() -> None:
    lab = Lab()
    real = lab.cluster.list

    async def unknown(resource: Resource, namespace: str, selector: str) -> list[dict[str, Any]]:
        if resource is resources.INFERENCE_SERVICES:
            raise NotFound("the server could not find the requested resource")
        return await real(resource, namespace, selector)

    lab.cluster.list = unknown  # type: ignore[method-assign]
    await lab.tick()
    assert "install KServe" in lab.status["message"]
    lab.cluster.list = real  # type: ignore[method-assign]
    await lab.until(lab.stable("1"))


async def test_a_route_that_somebody_changed_is_put_back_and_told() -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    route = lab.cluster.objects[ROUTE_KEY]
    route["spec"]["rules"][0]["timeouts"] = {"request": "1s"}
    route["metadata"]["managedFields"] = [{"manager": "kubectl-edit", "fieldsV1": {"f:spec": {"f:rules": {}}}}]
    await lab.tick()
    assert route["spec"]["rules"][0]["timeouts"] != {"request": "1s"} or lab.cluster.objects[ROUTE_KEY] is not route
    assert lab.cluster.objects[ROUTE_KEY]["spec"]["rules"][0]["timeouts"] == {"request": "5s"}
    told = [message for reason, message in events(lab) if reason == "RouteRepaired"]
    assert told == ["field manager kubectl-edit had changed the HTTPRoute; it shows again what was decided (0 %)"]


async def test_one_doubtful_answer_about_inference_services_takes_no_candidate_back() -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lambda: lab.status["phase"] == "Progressing")
    real = lab.cluster.list

    async def unknown(resource: Resource, namespace: str, selector: str) -> list[dict[str, Any]]:
        if resource is resources.INFERENCE_SERVICES:
            raise NotFound("404 page not found")
        return await real(resource, namespace, selector)

    lab.cluster.list = unknown  # type: ignore[method-assign]
    await lab.tick()
    assert lab.status["phase"] == "Progressing"
    lab.cluster.list = real  # type: ignore[method-assign]
    await lab.until(lab.stable("2"))


async def test_a_route_that_was_stripped_in_mid_rollout_is_still_ours_to_take_back() -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lambda: lab.status["phase"] == "Progressing")
    metadata = lab.cluster.objects[ROUTE_KEY]["metadata"]
    for section in ("labels", "ownerReferences", "annotations"):
        metadata.pop(section, None)
    lab.prometheus.candidate_bad = 30
    await lab.until(lab.rolled_back)
    assert lab.backends().get(isvc("2"), 0) == 0


async def test_the_search_for_older_claims_is_made_at_the_start_and_before_the_route_only() -> None:
    lab = Lab()
    lab.cluster.ready = lambda _: 0
    real, asked = lab.cluster.list, 0

    async def counting(resource: Resource, namespace: str, selector: str) -> list[dict[str, Any]]:
        nonlocal asked
        asked += resource is resources.MODEL_DEPLOYMENTS
        return await real(resource, namespace, selector)

    lab.cluster.list = counting  # type: ignore[method-assign]
    for _ in range(20):
        await lab.tick()
    assert asked == 1
    lab.cluster.ready = lambda _: 1
    await lab.until(lab.stable("1"))
    for _ in range(5):
        await lab.tick()
    assert asked <= 4


async def test_models_of_one_namespace_share_a_hostname_by_their_paths() -> None:
    own = {"matches": [{"path": {"value": "/fraud"}}]}
    for theirs, taken in (("/credit", False), ("/fraud/v2", True), ("/", True), ("/fraudulent", False)):
        lab = Lab()
        wanted = spec("1")
        lab.want("1", route={**wanted["route"], **own})
        lab.obj()["metadata"]["creationTimestamp"] = api_time()
        lab.cluster.put(
            resources.MODEL_DEPLOYMENTS, other("prod", api_time(-60), matches=[{"path": {"value": theirs}}])
        )
        for _ in range(9):
            await lab.tick()
        assert ("is claimed by ModelDeployment older" in (lab.status.get("message") or "")) is taken, theirs


async def test_a_path_of_somebody_elses_leaves_the_route_as_it_is() -> None:
    lab = Lab()
    wanted = spec("1")
    lab.want("1", route={**wanted["route"], "matches": [{"path": {"value": "/fraud"}}]})
    await lab.until(lab.stable("1"))
    rule = {"matches": [{"path": {"type": "PathPrefix", "value": "/credit"}}]}
    theirs = route_of("prod", "fraud.example.com", rules=[rule])
    theirs["metadata"] |= {"name": "credit", "labels": {"serin.dev/model-deployment": "credit"}}
    lab.cluster.put(resources.HTTP_ROUTES, theirs)
    lab.want("1", route={**wanted["route"], "matches": [{"path": {"value": "/credit/x"}}]})
    for _ in range(5):
        await lab.tick()
    assert "is claimed by ModelDeployment credit" in lab.condition("Ready")["message"]
    (rule,) = lab.obj(resources.HTTP_ROUTES)["spec"]["rules"]
    assert rule["matches"][0]["path"]["value"] == "/fraud"
