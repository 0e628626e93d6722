"""Does a real API server take the CRDs, and does it serve them as people expect?"""

from __future__ import annotations

from typing import Any

import pytest

from e2e.deploy import ClusterApi
from e2e.deploy.cluster import Json
from serin.api import API_VERSION
from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import ModelDeploymentStatus
from serin.cli.lint.definitions import kserve_fields
from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from tests.integration.apiserver import objects
from tests.integration.apiserver.conftest import serve_inference_services
from tools import kservefields

pytestmark = pytest.mark.apiserver
CRD_API = "apiextensions.k8s.io/v1"
PLURALS = ("modeldeployments", "promotionpolicies", "promotionrecords", "promotionactions", "promotionfreezes")


@pytest.mark.parametrize("plural", PLURALS)
def test_a_definition_is_established_and_structural(api: ClusterApi, plural: str) -> None:
    crd = api.get(CRD_API, "CustomResourceDefinition", f"{plural}.serin.dev")
    assert crd is not None
    states = {condition["type"]: condition["status"] for condition in crd["status"]["conditions"]}
    assert states["Established"] == "True"
    assert states["NamesAccepted"] == "True"
    assert "NonStructuralSchema" not in states


def test_kinds_have_short_names_and_one_category(api: ClusterApi) -> None:
    served = {r["name"]: r for r in api._send("GET", f"/apis/{API_VERSION}")["resources"]}
    short = {name: r["shortNames"] for name, r in served.items() if "/" not in name}
    assert short == {
        "modeldeployments": ["mdep"],
        "promotionpolicies": ["ppol"],
        "promotionrecords": ["prec"],
        "promotionactions": ["pact"],
        "promotionfreezes": ["pfreeze"],
    }
    assert all(served[name]["categories"] == ["serin"] for name in short)
    assert {name for name in served if name.endswith("/status")} == {
        "modeldeployments/status",
        "promotionrecords/status",
        "promotionactions/status",
        "promotionfreezes/status",
    }


def test_a_policy_stores_the_defaults_of_the_model(api: ClusterApi, namespace: str) -> None:
    item = objects.policy(namespace)
    stored = api.apply(item)["spec"]
    assert stored["analysis"]["window"] == "15s"
    assert PromotionPolicySpec.model_validate(stored) == PromotionPolicySpec.model_validate(item["spec"])


def test_a_model_deployment_stores_the_defaults_of_the_model(api: ClusterApi, namespace: str) -> None:
    item = objects.model_deployment(namespace)
    stored = api.apply(item)["spec"]
    assert (stored["mode"], stored["onNewRevision"], stored["paused"]) == ("Standard", "Supersede", False)
    assert ModelDeploymentSpec.model_validate(stored) == ModelDeploymentSpec.model_validate(item["spec"])


def test_a_predictor_passes_through_as_it_was_written(api: ClusterApi, namespace: str) -> None:
    item = objects.model_deployment(namespace)
    predictor: Json = {
        "model": {"modelFormat": {"name": "sklearn"}, "env": [{"name": "A", "value": "1"}], "futureField": {"x": [1]}},
        "minReplicas": 2,
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
    }
    item["spec"]["predictor"] = predictor
    assert api.apply(item)["spec"]["predictor"] == predictor


def table(api: ClusterApi, namespace: str, plural: str) -> tuple[list[str], list[Any]]:
    """What ``kubectl get`` prints: the columns of normal width, and the cells of the first row."""
    answer = api._send(
        "GET",
        f"/apis/{API_VERSION}/namespaces/{namespace}/{plural}",
        headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"},
    )
    shown = [i for i, column in enumerate(answer["columnDefinitions"]) if column["priority"] == 0]
    return [answer["columnDefinitions"][i]["name"] for i in shown], [answer["rows"][0]["cells"][i] for i in shown]


def test_columns_of_a_model_deployment(api: ClusterApi, namespace: str) -> None:
    api.apply(objects.model_deployment(namespace))
    condition = {"type": "Ready", "status": "False", "reason": "CollectingEvidence", "message": "…"}
    status: Json = {
        "phase": "Progressing",
        "stable": objects.REVISION,
        "candidate": {**objects.REVISION, "version": "2"},
        "weights": {"desired": 25, "applied": 5},
        "message": "step 2 of 3 at 25 %",
        "conditions": [condition | {"lastTransitionTime": objects.AT}],
    }
    api.merge(API_VERSION, "ModelDeployment/status", "fraud", namespace=namespace, patch={"status": status})
    names, cells = table(api, namespace, "modeldeployments")
    words = ["Name", "Phase", "Stable", "Candidate", "Weight", "Reason", "Since", "Stalled", "Ready", "Age"]
    assert names == words
    assert cells[:6] == ["fraud", "Progressing", "1", "2", 5, None]


@pytest.mark.parametrize("phase", list(Phase))
def test_a_model_deployment_tells_its_story_in_120_columns(api: ClusterApi, namespace: str, phase: Phase) -> None:
    """With the longest words that there are, and names and versions as people choose them."""
    item = objects.model_deployment(namespace)
    item["metadata"]["name"] = "fraud-detection-eu"
    api.apply(item)
    reason = max((reason.value for reason in Reason), key=len)
    conditions = [
        {"type": kind, "status": "False", "reason": reason, "message": "…", "lastTransitionTime": objects.AT}
        for kind in ("Ready", "Stalled")
    ]
    status: Json = {
        "phase": phase.value,
        "reason": reason,
        "since": objects.AT,
        "message": "a sentence that is far too long for a table " * 8,
        "stable": {**objects.REVISION, "version": "2026.11"},
        "candidate": {**objects.REVISION, "version": "2026.12"},
        "weights": {"desired": 100, "applied": 100},
        "conditions": conditions,
    }
    api.merge(
        API_VERSION, "ModelDeployment/status", "fraud-detection-eu", namespace=namespace, patch={"status": status}
    )
    names, cells = table(api, namespace, "modeldeployments")
    # kubectl pads each column to its longest cell, with three blanks between two.
    shown = [max(len(name), len(str(cell))) for name, cell in zip(names, cells, strict=True)]
    assert sum(shown) + 3 * (len(shown) - 1) <= 120, dict(zip(names, cells, strict=True))
    assert (cells[1], cells[5]) == (phase.value, reason)


def test_columns_of_a_policy(api: ClusterApi, namespace: str) -> None:
    api.apply(objects.policy(namespace))
    names, cells = table(api, namespace, "promotionpolicies")
    assert names == ["Name", "Arms", "Window", "Bake", "Age"]
    assert cells[:2] == ["careful", "Contour"]


def test_columns_of_a_freeze_that_is_yet_to_begin(api: ClusterApi, namespace: str) -> None:
    spec = {"reason": "holidays", "from": "2099-12-20T00:00:00Z", "until": "2100-01-04T00:00:00Z"}
    api.apply(
        {
            "apiVersion": API_VERSION,
            "kind": "PromotionFreeze",
            "metadata": {"name": "holidays", "namespace": namespace},
            "spec": spec,
        }
    )
    names, cells = table(api, namespace, "promotionfreezes")
    assert names == ["Name", "From", "Until", "Holds", "Reason", "Age"]
    assert cells[:3] == ["holidays", spec["from"], spec["until"]]
    assert "invalid" not in str(cells)


def test_columns_of_a_record(api: ClusterApi, namespace: str) -> None:
    item = objects.record(namespace)
    api.apply(item)
    patch = {"status": {"outcome": "RolledBack", "reason": "SLOBreached"}}
    api.merge(API_VERSION, "PromotionRecord/status", item["metadata"]["name"], namespace=namespace, patch=patch)
    names, cells = table(api, namespace, "promotionrecords")
    assert names == ["Name", "Model", "Version", "Attempt", "Outcome", "Reason", "Age"]
    assert cells[:-1] == ["fraud-5c0d9e1a-1", "fraud", "1", 1, "RolledBack", "SLOBreached"]


@pytest.mark.parametrize("outcome", [None, "Accepted", "Refused"])
def test_columns_of_an_action_before_and_after_its_answer(api: ClusterApi, namespace: str, outcome: str | None) -> None:
    item = objects.action(namespace, "Hold")
    item["spec"]["requestedBy"] = api.user()  # where the admission policy is in force, nobody speaks in another name
    name = item["metadata"]["name"]
    api.apply(item)
    if outcome is not None:
        status = {"outcome": outcome, "message": "the rollout waits for a release", "at": objects.AT}
        api.merge(API_VERSION, "PromotionAction/status", name, namespace=namespace, patch={"status": status})
    names, cells = table(api, namespace, "promotionactions")
    assert names == ["Name", "Model", "Action", "By", "Outcome", "Message", "Age"]
    told = "the rollout waits for a release" if outcome else None
    assert cells[:-1] == [name, "fraud", "Hold", api.user(), outcome, told]


def test_a_model_deployment_that_serin_has_not_seen_says_so(api: ClusterApi, namespace: str) -> None:
    item = objects.model_deployment(namespace)
    api.apply(item)
    stored = api.get(API_VERSION, "ModelDeployment", "fraud", namespace)
    assert stored is not None
    assert stored["status"] == {"observedGeneration": -1}
    assert ModelDeploymentStatus.model_validate(stored["status"]) == ModelDeploymentStatus()


def test_lint_knows_the_fields_of_kserves_own_definition(api: ClusterApi) -> None:
    serve_inference_services(api)
    definition = api.get(CRD_API, "CustomResourceDefinition", kservefields.DEFINITION)
    assert definition is not None
    assert kservefields.fields(definition) == kserve_fields(), "python -m tools.kservefields"
