"""``serin init``: what it writes is adopted as it is, and what cannot be adopted is said at once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from serin.api.model_deployment import ModelDeployment
from serin.api.promotion_policy import PromotionPolicySpec
from serin.cli.init.from_service import Running, Wishes, manifests, of_text
from serin.cluster import resources
from serin.errors import InvalidInput
from tests.lab import Lab

URI = "s3://models/1"


KEDA = {"serving.kserve.io/autoscalerClass": "keda"}
SECRET = {"serving.kserve.io/storageSecretName": "minio"}


def scaled(query: str) -> dict[str, Any]:
    metric = {"type": "External", "external": {"metric": {"backend": "prometheus", "query": query}}}
    return {"autoScaling": {"metrics": [metric]}}


SCALED = scaled('sum(x{pod=~"legacy-predictor-.*"})')


def service(name: str = "old", **predictor: Any) -> dict[str, Any]:
    stored = {"model": {"modelFormat": {"name": "sklearn"}, "name": "", "resources": {}, "storageUri": URI}}
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": "prod", "labels": {"team": "risk"}},
        "spec": {"predictor": stored | {"minReplicas": 2} | predictor},
        "status": {"deploymentMode": "Standard"},
    }


def route(**spec: Any) -> dict[str, Any]:
    parent = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "gateways", "name": "models"}
    rule = {
        "matches": [{"path": {"type": "RegularExpression", "value": "^/.*$"}}],
        "backendRefs": [{"name": "old-predictor", "port": 80}],
        "timeouts": {"request": "30s"},
    }
    base = {"hostnames": ["old-prod.example.com"], "parentRefs": [parent], "rules": [rule]}
    return {"metadata": {"name": "old", "namespace": "prod"}, "spec": base | spec}


def written(found: Running, **wishes: Any) -> dict[str, Any]:
    documents, _ = manifests(found, Wishes(**wishes))
    policy, deployment = documents
    PromotionPolicySpec.model_validate(policy["spec"])
    ModelDeployment.model_validate(deployment)
    return dict(deployment)


def test_everything_follows_from_the_service_and_its_route() -> None:
    deployment = written(Running(service(), route()))
    assert deployment["metadata"] == {"name": "old-live", "namespace": "prod"}
    assert deployment["spec"] == {
        "adopt": {"inferenceService": "old"},
        "model": {"version": "1", "uri": URI, "servedName": "old"},
        "predictor": {"model": {"modelFormat": {"name": "sklearn"}}, "minReplicas": 2},
        "route": {
            "hostnames": ["old-prod.example.com"],
            "parentRef": {"name": "models", "namespace": "gateways"},
            "timeout": "30s",
        },
        "policyRef": {"name": "old-live"},
    }


@pytest.mark.parametrize(
    "predictor",
    [
        pytest.param({}, id="as KServe stores it"),
        pytest.param(
            {
                "model": {
                    "modelFormat": {"name": "sklearn"},
                    "storageUri": URI,
                    "args": ["--workers=2", "--model_name=old"],
                    "env": [{"name": "A", "value": "1"}],
                    "resources": {"limits": {"cpu": "1"}},
                },
                "serviceAccountName": "robot",
            },
            id="with arguments and variables",
        ),
        pytest.param(
            {
                "model": None,
                "containers": [{"name": "x", "image": "y", "env": [{"name": "STORAGE_URI", "value": URI}]}],
            },
            id="a container of one's own",
        ),
        pytest.param(
            {"model": None, "containers": [{"name": "kserve-container", "image": "example.com/fraud:1"}]},
            id="a model that is part of the image",
        ),
        pytest.param(
            {"model": {"modelFormat": {"name": "huggingface"}, "name": "", "args": ["--model_id=org/model"]}},
            id="a model that an argument names",
        ),
        pytest.param(
            {"annotations": {"serving.kserve.io/storageSecretName": "minio"}}, id="credentials, told to the pods"
        ),
        pytest.param(
            {"annotations": {"serving.kserve.io/autoscalerClass": "keda"}}, id="an order where KServe does not read it"
        ),
        pytest.param(SCALED | {"metadata": KEDA | SECRET}, id="KEDA and credentials"),
    ],
)
async def test_the_operator_adopts_what_was_written(predictor: dict[str, Any]) -> None:
    lab = Lab()
    found = service("legacy", **{k: v for k, v in predictor.items() if v is not None and k != "metadata"})
    found["metadata"]["annotations"] = predictor.get("metadata", {})
    if "containers" in predictor:
        del found["spec"]["predictor"]["model"]
    deployment = written(Running(found, route()), name="fraud")
    lab.cluster.put(resources.INFERENCE_SERVICES, found)
    del lab.cluster.objects["modeldeployments", "prod", "fraud"]
    deployment["metadata"]["generation"] = 1
    lab.cluster.put(resources.MODEL_DEPLOYMENTS, deployment)
    await lab.until(lab.stable("1"))
    assert lab.status["stable"]["workload"]["name"] == "legacy"
    assert lab.obj(resources.INFERENCE_SERVICES, "legacy")["spec"] == found["spec"], "it is not written to"


def test_what_is_given_comes_before_what_is_found() -> None:
    deployment = written(
        Running(service(), route()),
        name="old-md",
        version="7",
        hostnames=("a.example.com",),
        gateway=("edge", "main"),
    )
    assert deployment["metadata"]["name"] == "old-md"
    assert deployment["spec"]["model"]["version"] == "7"
    assert deployment["spec"]["route"]["hostnames"] == ["a.example.com"]
    assert deployment["spec"]["route"]["parentRef"] == {"name": "main", "namespace": "edge"}


def test_a_model_without_a_uri_is_written_without_one() -> None:
    found = service(containers=[{"name": "kserve-container", "image": "example.com/fraud:1"}])
    del found["spec"]["predictor"]["model"]
    assert written(Running(found, route()))["spec"]["model"] == {"version": "1"}


def test_what_kserve_is_told_by_annotations_is_told_for_later_revisions_too() -> None:
    found = service(**scaled('sum(x{pod=~"old-predictor-.*"})'), annotations={"team": "risk"})
    found["metadata"]["annotations"] = KEDA | SECRET
    predictor = written(Running(found, route()))["spec"]["predictor"]
    assert predictor["annotations"] == {"team": "risk"} | KEDA | SECRET
    [metric] = predictor["autoScaling"]["metrics"]
    assert metric["external"]["metric"]["query"] == 'sum(x{pod=~"$(inferenceService)-predictor-.*"})'


ALL_ALIKE = service(**scaled("sum(x)"))
ALL_ALIKE["metadata"]["annotations"] = KEDA
LACKING = service()
del LACKING["spec"]["predictor"]["model"]["storageUri"]
OLDER = service()
OLDER["spec"]["predictor"] = {"sklearn": {"storageUri": URI}}


@pytest.mark.parametrize(
    ("found", "wishes", "words"),
    [
        pytest.param(Running(service()), {}, "--hostname", id="no route says the hostnames"),
        pytest.param(Running(service()), {"hostnames": ("a.b",)}, "--gateway", id="nor the Gateway"),
        pytest.param(Running(service(), route()), {"name": "old"}, "another name", id="the name of KServe's route"),
        pytest.param(Running(LACKING, route()), {}, "nothing says where the model is", id="no model"),
        pytest.param(Running(ALL_ALIKE, route()), {}, "does not name it", id="a query for all revisions alike"),
        pytest.param(Running(OLDER, route()), {}, "older spelling", id="sklearn:"),
        pytest.param(
            Running({**service(), "status": {"deploymentMode": "Knative"}}, route()), {}, "mode Knative", id="Knative"
        ),
        pytest.param(
            Running({**service(), "spec": {"predictor": []}}, route()), {}, "not of the form", id="no InferenceService"
        ),
    ],
)
def test_what_cannot_be_adopted_is_said_at_once(found: Running, wishes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        manifests(found, Wishes(**wishes))


def test_a_file_needs_no_status() -> None:
    text = json.dumps({k: v for k, v in service().items() if k != "status"})
    found = of_text(text, "x.yaml", "prod")
    assert written(found, hostnames=("a.b",), gateway=("x", "y"))["spec"]["adopt"] == {"inferenceService": "old"}


@pytest.mark.parametrize(
    ("wishes", "option"), [({}, "hostnames; give them with --hostname"), ({"hostnames": ("a.b",)}, "--gateway")]
)
def test_of_a_file_nobody_says_what_a_cluster_has(wishes: dict[str, Any], option: str) -> None:
    found = of_text(json.dumps(service()), "x.yaml", "prod")
    with pytest.raises(InvalidInput, match="a file has no HTTPRoute, and no cluster is asked") as raised:
        manifests(found, Wishes(**wishes))
    assert option in str(raised.value)


@pytest.mark.parametrize("text", ["", "a: [", "kind: Pod", "kind: InferenceService", "- 1"])
def test_a_file_of_something_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^f"):
        of_text(text, "f", "prod")


@pytest.mark.parametrize(
    "text",
    [
        "{kind: InferenceService, metadata: {name: [1]}, spec: {predictor: {model: {storageUri: x}}}}",
        "{kind: InferenceService, metadata: {name: x, labels: 1}, spec: {predictor: {model: {storageUri: x}}}}",
        "{kind: InferenceService, metadata: {name: x, annotations: 1}}",
        "{kind: InferenceService, metadata: {name: x}}",
        "{kind: InferenceService, metadata: {name: x}, spec: {predictor: {model: 1}}}",
        "{kind: InferenceService, metadata: {name: x}, spec: {predictor: {model: {storageUri: 7}}}}",
        "{kind: InferenceService, metadata: {name: x}, spec: {predictor: {containers: [1]}}}",
        "{kind: InferenceService, metadata: {name: x}, spec: {predictor: {model: {storageUri: x, args: 1}}}}",
    ],
)
def test_a_service_of_another_form_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InvalidInput):
        manifests(of_text(text, "f", "prod"), Wishes(hostnames=("a.b",), gateway=("x", "y")))


def test_what_later_revisions_would_not_have_is_told() -> None:
    _, notes = manifests(Running(service(), route()), Wishes())
    assert any("labels team" in note for note in notes)
