"""Whether an InferenceService that was there before can be adopted, and what it must serve."""

from __future__ import annotations

from typing import Any

import pytest

from serin.traffic.standard.adoption import as_arm, content, difference, obstacle, other_orders, served_name
from tests.world import ref

HPA, KEDA = ({"serving.kserve.io/autoscalerClass": value} for value in ("hpa", "keda"))
SECRET = {"serving.kserve.io/storageSecretName": "minio"}
MODEL = {"version": "1", "uri": "s3://models/1"}
PREDICTOR: dict[str, Any] = {
    "model": {"modelFormat": {"name": "sklearn"}, "runtime": "kserve-sklearnserver"},
    "minReplicas": 2,
}


def found(*, metadata: Any = None, status: Any = None, spec: Any = None, **predictor: Any) -> dict[str, Any]:
    """An InferenceService as the API server stores it."""
    served = {"model": {**PREDICTOR["model"], "storageUri": MODEL["uri"], "name": "", "resources": {}}} | predictor
    return {
        "metadata": {"name": "old", "namespace": "prod", **(metadata or {})},
        "spec": {"predictor": served, **(spec or {})},
        "status": {"deploymentMode": "Standard"} if status is None else status,
    }


@pytest.mark.parametrize(
    ("service", "words"),
    [
        pytest.param(found(), "", id="nothing is in the way"),
        pytest.param(found(status={"deploymentMode": "RawDeployment"}), "", id="the older word for Standard"),
        pytest.param(found(status={}), "has not told yet", id="KServe has not looked at it"),
        pytest.param(found(status={"deploymentMode": "Knative"}), "mode Knative, and only mode Standard", id="Knative"),
        pytest.param(found(status={"deploymentMode": "Serverless"}), "mode Serverless", id="its older word"),
        pytest.param(
            found(spec={"transformer": {"containers": []}}), "has a transformer, and only services", id="transformer"
        ),
        pytest.param(found(spec={"explainer": {"art": {}}}), "has an explainer", id="explainer"),
        pytest.param(found(spec={"canary": [{}]}), "canary of its own", id="KServe's canary"),
        pytest.param(found(name="v1"), "spec.predictor.name", id="a named predictor"),
        pytest.param(found(workerSpec={"pipelineParallelSize": 2}), "several nodes", id="several nodes"),
        pytest.param(found(canaryTrafficPercent=0), "canaryTrafficPercent is set", id="a percent without effect"),
        pytest.param(found(metadata={"deletionTimestamp": "2026-11-29T00:00:00Z"}), "being deleted", id="going"),
        pytest.param(
            found(metadata={"labels": {"app.kubernetes.io/managed-by": "serin"}}), "Serin's already", id="Serin's"
        ),
        pytest.param(
            found(metadata={"annotations": KEDA | {"serving.kserve.io/enable-tag-routing": "true"}}),
            "orders that later revisions could not have (serving.kserve.io/enable-tag-routing)",
            id="an order that no revision may give",
        ),
        pytest.param(found(metadata={"annotations": KEDA | SECRET}), "", id="orders that a revision may give"),
        pytest.param(
            found(metadata={"annotations": {"serving.kserve.io/autoscalerClass": "hpa", "team": "x"}}),
            "",
            id="the autoscaler that they have, and what is not KServe's",
        ),
    ],
)
def test_what_cannot_be_adopted_is_told_with_a_way_out(service: dict[str, Any], words: str) -> None:
    told = obstacle(service)
    assert words in told
    assert bool(told) == bool(words)


@pytest.mark.parametrize(
    ("predictor", "name"),
    [
        pytest.param({}, "old", id="KServe's servers serve under the service's name"),
        pytest.param({"model": {"modelFormat": {"name": "sklearn"}, "args": ["--model_name=x"]}}, "x", id="told one"),
        pytest.param(
            {
                "model": {
                    "modelFormat": {"name": "sklearn"},
                    "protocolVersion": "v2",
                    "env": [{"name": "MLSERVER_MODEL_NAME", "value": "y"}],
                }
            },
            "y",
            id="MLServer",
        ),
        pytest.param({"model": {"modelFormat": {"name": "triton"}}}, None, id="Triton has it from its repository"),
        pytest.param({"model": None, "containers": [{"image": "x"}]}, None, id="a container of one's own"),
    ],
)
def test_the_served_name_is_the_one_in_the_clients_urls(predictor: dict[str, Any], name: str | None) -> None:
    assert served_name(found(**predictor)) == name


def with_annotations(own: Any = None, of_pods: Any = None) -> dict[str, Any]:
    return found(metadata={"annotations": own or {}}, annotations=of_pods or {})


@pytest.mark.parametrize(
    ("service", "wanted", "words"),
    [
        pytest.param(with_annotations(), with_annotations(), "", id="none"),
        pytest.param(with_annotations({"team": "x"}), with_annotations(), "", id="what is not KServe's"),
        pytest.param(with_annotations(HPA), with_annotations(), "", id="the autoscaler that there is without a word"),
        pytest.param(with_annotations(KEDA), with_annotations(KEDA, KEDA), "", id="KEDA for both"),
        pytest.param(with_annotations(None, SECRET), with_annotations(SECRET, SECRET), "", id="told to the pods"),
        pytest.param(
            with_annotations(None, KEDA),
            with_annotations(KEDA, KEDA),
            "spec.predictor.annotations has serving.kserve.io/autoscalerClass: keda, and its own annotations have not",
            id="KEDA, where KServe does not read it",
        ),
        pytest.param(
            with_annotations(KEDA),
            with_annotations(),
            "write serving.kserve.io/autoscalerClass: keda in spec.predictor.annotations as well",
            id="KEDA for the service only",
        ),
        pytest.param(
            with_annotations(SECRET),
            with_annotations({"serving.kserve.io/storageSecretName": "other"}),
            "write serving.kserve.io/storageSecretName: minio in spec.predictor.annotations as well",
            id="other credentials",
        ),
    ],
)
def test_what_kserve_is_told_by_annotations_is_alike(
    service: dict[str, Any], wanted: dict[str, Any], words: str
) -> None:
    told = other_orders(service, wanted)
    assert words in told
    assert bool(told) == bool(words)
    assert not difference(service, wanted), "it is told once"


def rendered(**model: Any) -> dict[str, Any]:
    return {"spec": {"predictor": content(MODEL, {**PREDICTOR, "model": {**PREDICTOR["model"], **model}})}}


def with_model(**fields: Any) -> dict[str, Any]:
    return found(model={**PREDICTOR["model"], "storageUri": MODEL["uri"], **fields})


ONE, TWO = {"name": "A", "value": "1"}, {"name": "B", "value": "2"}


@pytest.mark.parametrize(
    ("service", "wanted", "path"),
    [
        pytest.param(found(), rendered(), "", id="the same"),
        pytest.param(found(minReplicas=7, maxReplicas=9), rendered(), "", id="size does not count"),
        pytest.param(with_model(args=["--model_name=old"]), rendered(), "", id="nor the served name"),
        pytest.param(with_model(env=[ONE, TWO]), rendered(env=[TWO, ONE]), "", id="nor the order of variables"),
        pytest.param(
            with_model(storageUri="s3://other"), rendered(), "spec.predictor.model.storageUri", id="the model"
        ),
        pytest.param(
            with_model(env=[ONE]),
            rendered(env=[{**ONE, "value": "9"}]),
            "spec.predictor.model.env[0].value",
            id="a value",
        ),
        pytest.param(
            with_model(args=["--a"]), rendered(args=["--b"]), "spec.predictor.model.args[0]", id="an argument"
        ),
        pytest.param(
            found(serviceAccountName="robot"), rendered(), "spec.predictor.serviceAccountName", id="what spec lacks"
        ),
        pytest.param(
            found(automountServiceAccountToken=False),
            rendered(),
            "spec.predictor.automountServiceAccountToken",
            id="false is something",
        ),
    ],
)
def test_the_first_field_that_differs_is_named_and_no_value(
    service: dict[str, Any], wanted: dict[str, Any], path: str
) -> None:
    assert difference(service, wanted) == path


def test_it_counts_as_the_arm_of_its_revision_and_is_not_changed() -> None:
    service = found(metadata={"labels": {"team": "x"}})
    arm = as_arm(service, ref("1"), "fraud")
    assert arm["metadata"]["labels"] == {
        "team": "x",
        "serin.dev/model-deployment": "fraud",
        "serin.dev/revision": ref("1").revision,
        "serin.dev/version": "1",
    }
    assert service["metadata"]["labels"] == {"team": "x"}
