"""A transformer before the predictor: one revision, one InferenceService, requests go to the transformer."""

from __future__ import annotations

from typing import Any

import pytest

from serin.api.predictor.naming import service_name
from serin.api.revision import Replicas, Source
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.cluster import resources
from serin.rollout.decision import RoutePlan
from serin.rollout.observation import Component
from serin.traffic.gateway.http_route import http_route
from serin.traffic.gateway.route_view import route_view
from serin.traffic.kserve.predictor import scaling_patch
from serin.traffic.owner import Owner
from serin.traffic.reader import Reader
from serin.traffic.standard import Standard
from serin.traffic.standard.arms import observe_arms
from serin.traffic.standard.endpoints import Endpoints, arm
from serin.traffic.standard.service import service_in, service_of, services_of, workload_of
from serin.traffic.standard.workload import has_same_content, inference_service
from tests.fakes import FakeCluster
from tests.world import ref, spec

OWNER = Owner("fraud", "prod", "uid-1")
MODEL = {"version": "2", "uri": "s3://models/2"}
PREDICTOR: dict[str, Any] = {"model": {"modelFormat": {"name": "sklearn"}}, "minReplicas": 4}
TRANSFORMER: dict[str, Any] = {
    "containers": [{"name": "kserve-container", "image": "features:1", "args": ["--protocol=v2"]}],
    "minReplicas": 2,
}
SOURCE = Source(MODEL, PREDICTOR, TRANSFORMER)


def with_transformer(version: str) -> RevisionRef:
    plain = ref(version)
    return plain.model_copy(update={"workload": workload_of("prod", "fraud", plain.revision, SOURCE)})


def rendered(**changes: Any) -> dict[str, Any]:
    body = inference_service(OWNER, ref("2"), SOURCE)
    return {**body, "spec": {**body["spec"], "transformer": {**body["spec"]["transformer"], **changes}}}


def test_it_is_told_the_name_that_clients_ask_for() -> None:
    given = {**TRANSFORMER, "timeout": None}
    body = inference_service(OWNER, ref("2"), Source({**MODEL, "servedName": "x"}, PREDICTOR, given))
    (container,) = body["spec"]["transformer"]["containers"]
    assert container["args"] == ["--protocol=v2", "--model_name=x"]
    for arguments in (["--model_name=x", "--workers=2"], ["--model_name", "x"]):  # as it is written, if it is the same
        literal = {**TRANSFORMER, "containers": [{**TRANSFORMER["containers"][0], "args": arguments}]}
        body = inference_service(OWNER, ref("2"), Source({**MODEL, "servedName": "x"}, PREDICTOR, literal))
        assert body["spec"]["transformer"]["containers"][0]["args"] == arguments
    body = inference_service(OWNER, ref("2"), Source({**MODEL, "servedName": "x"}, PREDICTOR, given))
    assert "timeout" not in body["spec"]["transformer"], "null is absent"
    assert given["containers"][0]["args"] == ["--protocol=v2"], "what the user wrote is not changed"
    assert body["metadata"]["annotations"]["serin.dev/content-hash"] != SOURCE.hash
    assert (
        inference_service(OWNER, ref("2"), SOURCE)["metadata"]["annotations"]["serin.dev/content-hash"] == SOURCE.hash
    )
    assert "transformer" not in inference_service(OWNER, ref("2"), Source(MODEL, PREDICTOR))["spec"]


@pytest.mark.parametrize(
    ("stable", "candidate", "backends"),
    [
        (ref("1"), with_transformer("2"), ("predictor", "transformer")),
        (with_transformer("1"), ref("2"), ("transformer", "predictor")),
        (with_transformer("1"), with_transformer("2"), ("transformer", "transformer")),
    ],
)
def test_requests_go_to_the_transformer(stable: RevisionRef, candidate: RevisionRef, backends: tuple[str, str]) -> None:
    plan = RoutePlan(stable, candidate, 25, mirror=True)
    body = http_route(OWNER, spec("2"), plan, service_of)
    rule = body["spec"]["rules"][0]
    assert [b["name"].rpartition("-")[2] for b in rule["backendRefs"]] == list(backends)
    assert rule["filters"][0]["requestMirror"]["backendRef"]["name"].endswith(backends[1])
    view = route_view(body, services_of, service_name)
    assert (view.weight, view.candidate) == (25, candidate.revision)
    identity = Standard().identity("prod", candidate, stable)
    assert identity.service(identity.candidate).endswith(backends[1])
    assert identity.service(identity.stable).endswith(backends[0])


def test_a_hand_that_leads_past_the_transformer_is_seen_as_weight() -> None:
    body = http_route(OWNER, spec("2"), RoutePlan(ref("1"), with_transformer("2"), 0), service_of)
    backend = body["spec"]["rules"][0]["backendRefs"][1]
    backend |= {"name": backend["name"].replace("-transformer", "-predictor"), "weight": 100}
    assert route_view(body, services_of, service_name).weight == 50


def test_what_the_inference_service_says_counts_before_a_reference_that_knows_less() -> None:
    """References from rows of records do not know of a transformer."""
    body = rendered()
    body["metadata"]["name"] = ref("2").workload.name
    assert service_of(ref("2")).name.endswith("-predictor")
    assert service_in([body])(ref("2")).name.endswith("-transformer")
    assert service_in([body])(ref("1")).name.endswith("-predictor")
    assert service_in(None)(with_transformer("2")).name.endswith("-transformer")


@pytest.mark.parametrize(("predictors", "transformers", "ready"), [(4, 2, 4), (4, 0, 0), (0, 2, 0), (1, 2, 1)])
async def test_both_components_are_watched(predictors: int, transformers: int, ready: int) -> None:
    cluster, body = FakeCluster(ready=lambda _: predictors, ready_transformers=lambda _: transformers), rendered()
    cluster.put(resources.INFERENCE_SERVICES, body)
    reader = Reader(("prod", "fraud"), 1)
    arms = await observe_arms(cluster, reader, ("prod", "fraud"), ModelDeploymentStatus(), [body])
    found = arms[ref("2").revision]
    assert (found.ready, found.size, found.transformer) == (ready, 4, Component(transformers, 2))
    assert found.ref.workload.service == f"{ref('2').workload.name}-transformer"


def pod(component: str, template: str, image: str, created: str) -> dict[str, Any]:
    labels = {"component": component, "pod-template-hash": template}
    container = {"name": "kserve-container", "image": image}
    return {
        "metadata": {"name": f"{component}-{template}", "creationTimestamp": created, "labels": labels},
        "spec": {"containers": [container]},
    }


def test_the_image_is_the_predictors_and_the_template_both_components() -> None:
    pods = [
        pod("predictor", "p1", "s:1", "1"),
        pod("transformer", "t1", "f:1", "2"),
        pod("predictor", "p2", "s:2", "3"),
    ]
    found = arm(rendered(), Endpoints(1, 1), pods)
    assert (found.image, found.template) == ("s:2", "p2.t1")
    assert arm(rendered(), Endpoints(1, 1), [*pods, pod("transformer", "t2", "f:2", "4")]).template == "p2.t2"


def test_it_is_scaled_with_the_predictor() -> None:
    body = rendered()
    assert scaling_patch(body, SOURCE, Replicas(4, 2)) is None
    wanted = Source(MODEL, PREDICTOR, {**TRANSFORMER, "minReplicas": 1, "maxReplicas": 9})
    assert scaling_patch(body, wanted, Replicas(4, 3)) == {
        "spec": {"transformer": {"minReplicas": 3, "maxReplicas": 9}}
    }
    assert scaling_patch(body, Source(MODEL, PREDICTOR)) is None, "stable keeps its own where spec has none"
    plain = {"spec": {"predictor": PREDICTOR}}
    assert scaling_patch(plain, SOURCE) is None, "one without gets none"


@pytest.mark.parametrize(
    ("actual", "same"),
    [
        (rendered(minReplicas=7), True),
        (rendered(serviceAccountName="admin"), False),
        (rendered(containers=[{"name": "kserve-container", "image": "evil"}]), False),
        (inference_service(OWNER, ref("2"), Source(MODEL, PREDICTOR)), False),
    ],
)
def test_two_are_compared_without_scaling(actual: dict[str, Any], *, same: bool) -> None:
    assert has_same_content(actual, rendered()) is same
