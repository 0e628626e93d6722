"""A service that was there before its ModelDeployment becomes the first stable revision, and nobody writes to it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from serin.api.revision import Source
from serin.cluster import resources
from tests.adopting_lab import OLD, Adopting, named, old
from tests.fakes import Killed
from tests.lab import isvc, spec

ROUTE = spec("1")["route"]
SECRET = {"serving.kserve.io/storageSecretName": "minio"}
TRANSFORMER = {"containers": [{"image": "example.com/transformer:1"}]}


async def test_it_becomes_stable_and_takes_the_hostname_without_a_write_to_it() -> None:
    lab = Adopting(service=old())
    before = copy.deepcopy(lab.obj(resources.INFERENCE_SERVICES, OLD))
    await lab.adopted()
    assert lab.status["stable"]["workload"]["name"] == OLD
    assert lab.backends() == {OLD: 100}
    assert lab.matches() == 10, "each method comes before KServe's own route"
    assert not lab.own()
    assert lab.obj(resources.INFERENCE_SERVICES, OLD) == before
    assert lab.record(1)["status"]["outcome"] == "Promoted"


async def test_a_stable_one_causes_no_write() -> None:
    lab = Adopting(service=old())
    await lab.adopted()
    for _ in range(3):
        await lab.tick()
    writes = len(lab.cluster.writes)
    for _ in range(5):
        await lab.tick()
    assert len(lab.cluster.writes) == writes


async def test_the_next_version_is_promoted_step_by_step_and_the_old_service_is_left() -> None:
    lab = Adopting(service=old())
    await lab.adopted()
    lab.candidate = named("2")
    lab.want("2")
    await lab.until(lab.stable("2"))
    assert [w for n, w in enumerate(lab.weights) if n and w != lab.weights[n - 1]] == [40, 50, 100]
    for _ in range(20):
        await lab.tick()
    assert lab.backends() == {named("2"): 100}
    assert lab.obj(resources.INFERENCE_SERVICES, OLD), "its owner deletes it"
    assert "InferenceService old, which was adopted for version 1" in lab.status["message"]
    assert not lab.status.get("draining")


async def test_the_way_back_leads_to_it_as_long_as_it_is_there() -> None:
    lab = Adopting(service=old())
    await lab.adopted()
    lab.want("2")
    await lab.until(lab.stable("2"))
    lab.want("1")
    await lab.until(lab.stable("1"))
    assert lab.status["stable"]["workload"]["name"] == OLD
    assert lab.backends()[OLD] == 100


async def test_one_that_is_deleted_afterwards_is_served_by_serins_own() -> None:
    lab = Adopting(service=old())
    await lab.adopted()
    lab.want("2")
    await lab.until(lab.stable("2"))
    del lab.cluster.objects["inferenceservices", "prod", OLD], lab.cluster.objects["httproutes", "prod", OLD]
    for _ in range(8):
        await lab.tick()
    assert "old" not in lab.status["message"]
    assert lab.matches() == 1, "no route is there to come before"
    lab.want("1")
    await lab.until(lab.stable("1"))
    assert lab.backends()[named("1")] == 100


async def test_a_stable_one_that_somebody_deletes_comes_back_as_serins_own() -> None:
    lab = Adopting(service=old())
    await lab.adopted()
    del lab.cluster.objects["inferenceservices", "prod", OLD]
    await lab.until(lambda: lab.backends() == {named("1"): 100})
    assert lab.own() == {named("1")}


async def test_an_api_server_that_knows_no_services_for_a_moment_ends_no_adoption() -> None:
    lab = Adopting(service=old())
    await lab.adopted()
    lab.cluster.kserve_missing = True
    for _ in range(3):
        await lab.tick()
    assert lab.reason == "KServeMissing"
    assert lab.matches() == 10
    lab.cluster.kserve_missing = False
    await lab.until(lambda: lab.reason == "Serving")
    assert lab.status["stable"]["workload"]["name"] == OLD
    assert lab.backends() == {OLD: 100}


async def test_a_lost_status_is_rebuilt_from_the_route() -> None:
    lab = Adopting(service=old())
    await lab.adopted()
    del lab.obj()["status"]
    lab.restart()
    await lab.until(lab.stable("1"))
    assert lab.status["stable"]["workload"]["name"] == OLD
    assert not lab.own()
    assert lab.backends() == {OLD: 100}


async def test_a_lost_status_in_a_rollout_is_rebuilt_with_both_arms() -> None:
    lab = Adopting(service=old())
    await lab.adopted()
    lab.want("2")
    await lab.until(lambda: lab.backends().get(named("2")) == 40)
    del lab.obj()["status"]
    lab.restart()
    await lab.until(lab.stable("2"))
    assert OLD not in lab.own()
    assert lab.status["previous"]["workload"]["name"] == OLD


async def test_routes_that_cannot_be_read_change_nothing_and_hold_up_nothing() -> None:
    lab = Adopting(service=old())
    await lab.adopted()
    lab.cluster.routes_down = True
    lab.want("2")
    await lab.until(lab.stable("2"))
    assert lab.matches() == 10


async def test_a_breach_is_taken_back_to_a_service_that_cannot_be_read() -> None:
    lab = Adopting(service=old())
    await lab.adopted()
    lab.want("2")
    await lab.until(lambda: lab.backends().get(named("2")) == 40)
    lab.cluster.services_down, lab.cluster.routes_down = True, True
    lab.prometheus.candidate_bad = 30
    await lab.until(lambda: lab.backends().get(named("2"), 0) == 0, limit=30)
    assert lab.backends()[OLD] == 100
    lab.cluster.services_down = False
    await lab.until(lab.rolled_back)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_death_at_any_write_of_the_adoption_changes_nothing(when: str) -> None:
    deaths = 0
    for number in range(30):
        lab = Adopting(service=old())
        lab.cluster.die_at = (number, when)
        try:
            await lab.adopted()
        except Killed:
            deaths += 1
            lab.cluster.die_at = None
            lab.restart()
            await lab.adopted()
        assert lab.backends() == {OLD: 100}
        assert not lab.own()
        assert {k[2] for k in lab.cluster.objects if k[0] == "promotionrecords"} == {f"{named('1')}-1"}
    assert deaths >= 4


@pytest.mark.parametrize(
    ("service", "changes", "words"),
    [
        pytest.param(None, {}, "namespace prod has none of this name", id="nothing there"),
        pytest.param(old(status={"deploymentMode": "Knative"}), {}, "mode Knative", id="another mode"),
        pytest.param(
            old(),
            {"model": {"version": "1", "uri": "s3://models/1"}},
            "set spec.model.servedName: old",
            id="served name",
        ),
        pytest.param(
            old(),
            {"model": {"version": "1", "uri": "s3://models/9", "servedName": OLD}},
            "spec.predictor.model.storageUri differs",
            id="another model",
        ),
        pytest.param(old(), {"transformer": TRANSFORMER}, "spec.transformer is set", id="a transformer"),
        pytest.param(
            old(spec={**old()["spec"], "transformer": TRANSFORMER}),
            {"transformer": TRANSFORMER},
            "it has a transformer, and only services without one can be adopted",
            id="a transformer on both sides",
        ),
        pytest.param(
            old(metadata={"name": OLD, "namespace": "prod", "annotations": SECRET}),
            {},
            "write serving.kserve.io/storageSecretName: minio in spec.predictor.annotations as well",
            id="credentials that later revisions would not have",
        ),
        pytest.param(
            old(), {"route": {**ROUTE, "matches": [{"path": {"value": "/v1"}}]}}, "spec.route.matches", id="own paths"
        ),
        pytest.param(old(), {"route": {**ROUTE, "protocol": "GRPC"}}, "spec.route.protocol GRPC", id="gRPC"),
    ],
)
async def test_what_cannot_be_adopted_is_refused_and_nothing_is_made(
    service: dict[str, Any] | None, changes: dict[str, Any], words: str
) -> None:
    lab = Adopting(service=service)
    lab.want("1", **changes)
    for _ in range(3):
        await lab.tick()
    assert (lab.status["phase"], lab.reason) == ("Pending", "AdoptionRefused")
    assert words in lab.status["message"]
    assert lab.condition("Stalled")["status"] == "True"
    assert not lab.own()
    assert not lab.backends()


async def test_a_refusal_ends_when_its_cause_does() -> None:
    lab = Adopting()
    due = None
    for _ in range(3):
        due = await lab.tick()
    assert due is not None, "no event tells of somebody else's InferenceService"
    lab.cluster.put(resources.INFERENCE_SERVICES, old())
    await lab.adopted()


async def test_a_name_that_kserve_writes_over_is_refused() -> None:
    lab = Adopting(service=old())
    lab.want("1", adopt={"inferenceService": "fraud"})
    lab.cluster.put(resources.INFERENCE_SERVICES, old(metadata={"name": "fraud", "namespace": "prod"}))
    for _ in range(3):
        await lab.tick()
    assert lab.reason == "AdoptionRefused"
    assert "for example fraud-live" in lab.status["message"]


async def test_a_secret_in_plain_text_is_not_taken_over_into_records() -> None:
    service = old()
    variable = {"name": "API_TOKEN", "value": "hunter2-hunter2"}
    service["spec"]["predictor"]["model"]["env"] = [variable]
    lab = Adopting(service=service)
    lab.want("1", predictor={"model": {"modelFormat": {"name": "sklearn"}, "env": [variable]}})
    for _ in range(3):
        await lab.tick()
    assert lab.reason == "SpecInvalid"
    assert "hunter2" not in lab.status["message"]
    assert not [k for k in lab.cluster.objects if k[0] == "promotionrecords"]


async def test_records_of_an_earlier_time_do_not_count_against_the_word() -> None:
    """The name was used before: what was stable then is gone, and adopt says what is to be stable now."""
    lab = Adopting(service=old())
    await lab.adopted()
    lab.want("2")
    await lab.until(lab.stable("2"))
    for key in [k for k in lab.cluster.objects if k[0] in {"inferenceservices", "modeldeployments"} and k[2] != OLD]:
        del lab.cluster.objects[key]
    del lab.cluster.objects["httproutes", "prod", "fraud"]
    lab.restart()
    lab.want("1")
    await lab.until(lab.stable("1"))
    assert lab.backends() == {OLD: 100}
    assert lab.status["stable"]["workload"]["name"] == OLD


@pytest.mark.parametrize("adopt", [None, {"inferenceService": OLD}])
async def test_a_planted_route_makes_nothing_stable(adopt: Any) -> None:
    """Whoever may write routes says that a service of somebody else serves what spec asks for; it serves 1."""
    lab = Adopting(service=old())
    lab.want("2", adopt=adopt)
    source = Source.of(lab.obj()["spec"])
    said = {"serin.dev/stable-revision": source.revision, "serin.dev/adopted": f"{source.hash} 2 {OLD}"}
    route = copy.deepcopy(lab.obj(resources.HTTP_ROUTES, OLD))
    route["metadata"] |= {"name": "fraud", "annotations": said, "labels": {"serin.dev/model-deployment": "fraud"}}
    route["metadata"]["generation"] = route["spec"]["rules"][0]["backendRefs"][0]["weight"] = 100
    lab.cluster.put(resources.HTTP_ROUTES, route)
    for _ in range(20):
        await lab.tick()
    assert not lab.status.get("stable")
    assert lab.condition("Stalled")["status"] == "True"
    assert lab.backends() == {OLD: 100}, "nothing is touched"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("adopted", f"{'x' * 900} 1 old"),
        ("adopted", f"{'a' * 64} {'v' * 900} old"),
        ("adopted", f"{'a' * 64} 1 {'n' * 900}"),
        ("adopted", "  "),
        ("candidate-weight", "9" * 5000),
        ("candidate-revision", "/" * 5000),
        ("candidate-exposure", "," * 5000),
    ],
)
async def test_no_annotation_of_a_route_keeps_a_way_back_from_being_gone(key: str, text: str) -> None:
    """Whoever may write routes writes what Serin reads in each pass, also when the status is lost."""
    lab = Adopting(service=old())
    await lab.adopted()
    lab.want("2")
    await lab.until(lambda: lab.backends().get(named("2")) == 40)
    route = lab.obj(resources.HTTP_ROUTES)
    route["metadata"]["annotations"][f"serin.dev/{key}"] = text
    lab.want("1")
    await lab.until(lab.stable("1"))
    assert lab.backends()[OLD] == 100
    assert lab.obj(resources.HTTP_ROUTES)["metadata"]["annotations"].get(f"serin.dev/{key}") != text
    lab.obj(resources.HTTP_ROUTES)["metadata"]["annotations"][f"serin.dev/{key}"] = text
    del lab.obj()["status"]
    lab.restart()
    await lab.tick()


def test_the_lab_names_what_serin_makes() -> None:
    assert named("1") != isvc("1")


async def test_matches_asked_for_later_keep_the_rest_with_kserves_own_route() -> None:
    lab = Adopting(service=old())
    await lab.adopted()
    narrow = {**ROUTE, "matches": [{"path": {"value": "/v2"}}]}
    lab.want("1", route=narrow)
    await lab.until(lambda: lab.matches() == 2, 20)
    rules = lab.obj(resources.HTTP_ROUTES)["spec"]["rules"]
    paths = [match["path"] for match in rules[0]["matches"]]
    assert paths == [
        {"type": "PathPrefix", "value": "/v2"},
        {"type": "RegularExpression", "value": "^/v2(/.*)?$"},
    ]
    assert not [match for match in rules[0]["matches"] if "method" in match]
    lab.want("2", route=narrow)
    await lab.until(lab.stable("2"))
    assert lab.matches() == 2
    lab.want("2")
    await lab.until(lambda: lab.matches() == 10, 20)


async def test_kserves_route_stays_beneath_when_the_way_back_leads_elsewhere() -> None:
    lab = Adopting(service=old())
    await lab.adopted()
    for version in ("2", "3"):
        lab.want(version)
        await lab.until(lab.stable(version))
    for _ in range(20):
        await lab.tick()
    assert lab.status["previous"]["version"] == "2"
    assert lab.obj(resources.INFERENCE_SERVICES, OLD), "its owner has not deleted it"
    assert lab.backends() == {named("3"): 100}
    assert lab.matches() == 10, "else its requests would go to what was adopted once"
    spec_of = lab.obj()["spec"]
    without = {field: spec_of[field] for field in spec_of if field != "adopt"}
    lab.cluster.put(resources.MODEL_DEPLOYMENTS, {**lab.obj(), "spec": without})
    for _ in range(5):
        await lab.tick()
    assert lab.matches() == 10, "it is remembered on the route"
    lab.cluster.kserve_missing = lab.cluster.routes_down = True
    for _ in range(5):
        await lab.tick()
    assert lab.matches() == 10
    lab.cluster.kserve_missing = lab.cluster.routes_down = False
    del lab.cluster.objects["httproutes", "prod", OLD]
    await lab.until(lambda: lab.matches() == 1, 20)
    assert "serin.dev/comes-before" not in lab.obj(resources.HTTP_ROUTES)["metadata"]["annotations"]
