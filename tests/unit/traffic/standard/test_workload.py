"""What of a predictor stands on the InferenceService itself, and what each arm's autoscaler is told."""

from __future__ import annotations

from typing import Any

import pytest

from serin.api.revision import Source
from serin.api.status import RevisionRef
from serin.traffic.kserve.predictor import scaling_patch, storage_uri
from serin.traffic.owner import Owner
from serin.traffic.standard.service import workload_of
from serin.traffic.standard.workload import has_same_content, inference_service

KEDA = {"serving.kserve.io/autoscalerClass": "keda"}
SKLEARN = {"model": {"modelFormat": {"name": "sklearn"}}}


def rendered(predictor: dict[str, Any], **model: Any) -> dict[str, Any]:
    source = Source({"version": "1", "uri": "s3://m/1", **model}, predictor)
    workload = workload_of("prod", "fraud", source.revision)
    ref = RevisionRef(revision=source.revision, version="1", hash=source.hash, workload=workload)
    return inference_service(Owner("fraud", "prod", "u1"), ref, source)


def external(query: str) -> dict[str, Any]:
    return {"metrics": [{"type": "External", "external": {"metric": {"query": query}}}]}


def query_of(fields: dict[str, Any]) -> str:
    return str(fields["spec"]["predictor"]["autoScaling"]["metrics"][0]["external"]["metric"]["query"])


def test_keys_that_are_read_on_the_inferenceservice_stand_there_too() -> None:
    labels = {"kueue.x-k8s.io/queue-name": "gpus", "team": "risk"}
    annotations = {**KEDA, "prometheus.io/scrape": "true", "openshift.io/display-name": "Fraud"}
    made = rendered(SKLEARN | {"labels": labels, "annotations": annotations})
    assert made["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "gpus"
    assert "team" not in made["metadata"]["labels"], "what is read on pods is not needed twice"
    assert made["metadata"]["annotations"].items() >= {**KEDA, "openshift.io/display-name": "Fraud"}.items()
    assert "prometheus.io/scrape" not in made["metadata"]["annotations"]
    assert made["spec"]["predictor"]["labels"] == labels
    assert made["spec"]["predictor"]["annotations"] == annotations


def test_serins_own_keys_are_not_the_users_to_set() -> None:
    made = rendered(SKLEARN | {"labels": {"backstage.io/kubernetes-id": "fraud"}})
    assert made["metadata"]["labels"]["serin.dev/model-deployment"] == "fraud"
    assert made["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "Standard"


def test_each_arm_is_scaled_by_what_is_its_own() -> None:
    query = 'sum(rate(requests{pod=~"$(inferenceService)-predictor-.*",namespace="$(namespace)"}[1m]))'
    predictor = SKLEARN | {"annotations": KEDA, "autoScaling": external(query)}
    made = rendered(predictor)
    name = made["metadata"]["name"]
    assert query_of(made) == f'sum(rate(requests{{pod=~"{name}-predictor-.*",namespace="prod"}}[1m]))'
    assert scaling_patch(made, Source({}, predictor)) is None, "what was created is what spec means"
    other = predictor | {"autoScaling": external("count($(inferenceService))")}
    assert query_of(scaling_patch(made, Source({}, other)) or {}) == f"count({name})"


def test_an_arm_of_another_autoscaler_keeps_what_that_one_is_told() -> None:
    stable = rendered(SKLEARN | {"scaleMetric": "cpu", "scaleTarget": 60, "minReplicas": 2})
    wanted = SKLEARN | {"annotations": KEDA, "autoScaling": external("a{b='$(inferenceService)'}"), "minReplicas": 3}
    patch = scaling_patch(stable, Source({}, wanted))
    assert patch == {"spec": {"predictor": {"minReplicas": 3}}}, "no autoscaler on CPU of a query of KEDA's"


def test_another_autoscaler_is_another_content() -> None:
    one, other = rendered(SKLEARN | {"annotations": KEDA}), rendered(SKLEARN | {"annotations": KEDA})
    assert has_same_content(one, other)
    del one["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"]
    assert not has_same_content(one, other), "somebody took it off"


SERVER, OTHER = {"name": "kserve-container", "image": "a:1"}, {"name": "transformer-container", "image": "b:1"}


@pytest.mark.parametrize(
    ("containers", "place"), [([SERVER], 0), ([{"image": "a:1"}], 0), ([SERVER, OTHER], 0), ([OTHER, SERVER], 1)]
)
def test_the_server_is_told_where_its_model_is(containers: list[dict[str, Any]], place: int) -> None:
    made = rendered({"containers": containers})
    told = [container.get("env") for container in made["spec"]["predictor"]["containers"]]
    assert told[place] == [{"name": "STORAGE_URI", "value": "s3://m/1"}]
    assert sum(env is not None for env in told) == 1
    assert storage_uri(made) == "s3://m/1"


def test_a_transformer_in_the_predictors_pod_is_left_as_it_is() -> None:
    made = rendered(SKLEARN | {"containers": [OTHER]})["spec"]["predictor"]
    assert made["model"]["storageUri"] == "s3://m/1"
    assert made["containers"] == [OTHER]


def test_without_a_uri_none_is_made_up() -> None:
    made = rendered(SKLEARN | {"storageUris": [{"uri": "hf://o/m", "mountPath": "/mnt/m"}]}, uri=None)
    assert "storageUri" not in made["spec"]["predictor"]["model"]
    assert rendered({"containers": [SERVER]}, uri=None)["spec"]["predictor"]["containers"] == [SERVER]
    assert storage_uri(made) == ""
