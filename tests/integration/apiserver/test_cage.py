"""What can whoever holds the operator's token do? Only what the operator does; and it may always take back."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from e2e.deploy import ClusterApi, OperatorProcess, OperatorSettings, install
from e2e.deploy.cluster import Json, wait_until
from e2e.sandbox.sandbox import Sandbox
from serin.api import names
from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.revision import Source
from serin.api.status import RevisionRef
from serin.rollout.decision import RoutePlan
from serin.traffic.gateway.http_route import http_route
from serin.traffic.knative.template import inference_service as knative_service
from serin.traffic.knative.template import owned, patch_of, template
from serin.traffic.owner import Owner
from serin.traffic.standard.service import service_of
from tests.integration.apiserver import objects
from tests.integration.apiserver.tenants import (
    applying,
    creation,
    define,
    deletion,
    not_in_force,
    patching,
    settled,
    values,
)
from tests.integration.apiserver.test_ours_alone import planted

pytestmark = pytest.mark.apiserver
UID = "0a1b2c3d-0000-0000-0000-000000000000"
NOT_OURS = "serin.dev/cage: Serin writes InferenceServices, HTTPRoutes and Jobs only with its label"
THEIRS = "the HTTPRoute has no trace of Serin and leads to no revision of the model"


@pytest.fixture(scope="module", autouse=True)
def _kinds(api: ClusterApi) -> None:
    define(api, "serving.kserve.io", "v1beta1", "InferenceService", "inferenceservices")
    define(api, "gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")
    define(api, "gateway.networking.k8s.io", "v1", "GRPCRoute", "grpcroutes")


def route(namespace: str, weight: int = 5) -> Json:
    """The route as the operator applies it."""
    spec = ModelDeploymentSpec.model_validate(objects.model_deployment(namespace)["spec"])
    stable = RevisionRef.model_validate(objects.REVISION)
    workload = {**objects.REVISION["workload"], "name": "fraud-7c9f2a1b"}  # type: ignore[dict-item]
    candidate = RevisionRef.model_validate({"revision": "7c9f2a1b", "version": "2", "workload": workload})
    plan = RoutePlan(stable=stable, candidate=candidate, weight=weight)
    return http_route(Owner("fraud", namespace, UID), spec, plan, service_of)


def bare(item: Json, **metadata: object) -> Json:
    """The same object without anything of Serin's in its metadata."""
    kept = {key: item["metadata"][key] for key in ("name", "namespace")}
    return {**copy.deepcopy(item), "metadata": {**kept, **metadata}}


def test_what_the_operator_does_is_taken(as_operator: ClusterApi, namespace: str) -> None:
    for dry_run in (True, False):
        assert creation(as_operator, planted(namespace), dry_run=dry_run) == ""
    item = planted(namespace)
    assert patching(as_operator, item, {"spec": {"predictor": {"minReplicas": 3}}}) == ""
    adoption = {"metadata": {"ownerReferences": item["metadata"]["ownerReferences"]}}
    assert patching(as_operator, item, adoption) == ""
    assert applying(as_operator, route(namespace)) == ""
    assert deletion(as_operator, item) == ""


def test_the_operator_itself_is_at_home_in_it(
    sandbox: Sandbox, api: ClusterApi, namespace: str, tmp_path: Path
) -> None:
    """As a process: an InferenceService is tried and made, an action is answered and labelled, a route is applied."""
    api.apply(objects.policy(namespace))
    api.apply(objects.model_deployment(namespace))
    action = objects.action(namespace)
    action["spec"]["requestedBy"] = api.user()
    api.apply(action)
    log = tmp_path / "operator.log"
    settings = OperatorSettings(sandbox.kubeconfig_for(*install(api)), "http://127.0.0.1:9", log)

    def made() -> list[str]:
        found = api.list("serving.kserve.io/v1beta1", "InferenceService", namespace)
        return [item["metadata"]["name"] for item in found if item["metadata"]["labels"][names.MANAGED_BY] == "serin"]

    def answered() -> bool:
        found = api.get(action["apiVersion"], action["kind"], "please", namespace) or {}
        return names.ANSWERED in found["metadata"].get("labels", {}) and "outcome" in found["status"]

    with OperatorProcess(settings):
        wait_until(lambda: len(made()) == 1, what=f"it is made: {log}", seconds=30)
        wait_until(answered, what=f"the action is answered and labelled: {log}", seconds=30)
        _ready(api, made()[0], namespace)
        wait_until(lambda: bool(_route(api, namespace)), what=f"the route is applied: {log}", seconds=30)
    assert "serin.dev/" not in log.read_text("utf-8"), "no policy refused anything"


def _route(api: ClusterApi, namespace: str) -> Json | None:
    return api.get("gateway.networking.k8s.io/v1", "HTTPRoute", "fraud", namespace)


def _ready(api: ClusterApi, name: str, namespace: str) -> None:
    """What KServe and the kubelet would say of an InferenceService that serves."""
    metadata = {"name": name, "namespace": namespace, "labels": {"kubernetes.io/service-name": f"{name}-predictor"}}
    endpoint = {"addresses": ["10.1.2.3"], "conditions": {"ready": True, "serving": True}}
    items = {"addressType": "IPv4", "endpoints": [endpoint], "ports": [{"port": 8080}]}
    api.apply({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata, **items})
    status = {"conditions": [{"type": "Ready", "status": "True"}, {"type": "PredictorReady", "status": "True"}]}
    patch = {"status": status}
    api.merge("serving.kserve.io/v1beta1", "InferenceService/status", name, namespace=namespace, patch=patch)


def test_an_orphan_of_mode_knative_is_written_with_its_owner_and_not_without(
    api: ClusterApi, as_operator: ClusterApi, namespace: str
) -> None:
    """``kubectl delete mdep --cascade=orphan`` and the ModelDeployment again: the first write gives the owner back."""
    owner = Owner("fraud", namespace, UID)
    source = Source({"version": "1", "uri": "s3://models/1"}, {"model": {"modelFormat": {"name": "sklearn"}}})
    ref = RevisionRef.model_validate(objects.REVISION)
    item = knative_service(owner, "fraud", template(owner, ref, source, mark="a", judged=False))
    assert creation(as_operator, item, dry_run=False) == ""
    disowned: Json = {"metadata": {"ownerReferences": None}}
    assert patching(api, item, disowned, dry_run=False) == "", "this account stands for the garbage collector"
    left = api.get(item["apiVersion"], item["kind"], "fraud", namespace) or {}
    patch = patch_of(left, None, 0)
    settled(lambda: patching(as_operator, item, patch), NOT_OURS)
    again = owned(left, Owner("fraud", namespace, "1b2c3d4e-0000-0000-0000-000000000000"))
    assert patching(as_operator, item, {**patch, **again}) == ""
    assert patching(as_operator, item, again, dry_run=False) == ""
    found = api.get(item["apiVersion"], item["kind"], "fraud", namespace) or {}
    assert patching(as_operator, item, patch_of(found, None, 0)) == ""


UNOWNED: Json = {"labels": {names.MANAGED_BY: names.MANAGER}}
STRANGERS: Json = {
    **UNOWNED,
    "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "x", "uid": UID, "controller": True}],
}
NO_CONTROLLER: Json = {
    **UNOWNED,
    "ownerReferences": [{"apiVersion": "serin.dev/v1alpha1", "kind": "ModelDeployment", "name": "fraud", "uid": UID}],
}


@pytest.mark.parametrize(
    "metadata", [{}, UNOWNED, STRANGERS, NO_CONTROLLER], ids=["bare", "unowned", "theirs", "loose"]
)
def test_nothing_is_made_that_is_not_a_models(
    api: ClusterApi, as_operator: ClusterApi, namespace: str, metadata: Json
) -> None:
    for item in (planted(namespace), route(namespace)):
        assert NOT_OURS in creation(as_operator, bare(item, **metadata))
    with not_in_force(api, "cage"):
        settled(lambda: creation(as_operator, bare(planted(namespace), **metadata)), "")
    settled(lambda: creation(as_operator, bare(planted(namespace), **metadata)), NOT_OURS)


def test_an_inference_service_of_others_stays_theirs(api: ClusterApi, as_operator: ClusterApi, namespace: str) -> None:
    item = bare(planted(namespace))
    assert creation(api, item, dry_run=False) == ""
    seized = {"metadata": planted(namespace)["metadata"], "spec": {"predictor": {"minReplicas": 0}}}
    words = "the InferenceService has no label app.kubernetes.io/managed-by: serin"
    assert words in patching(as_operator, item, seized)
    assert words in deletion(as_operator, item)


def test_a_route_of_others_stays_theirs(api: ClusterApi, as_operator: ClusterApi, namespace: str) -> None:
    item = bare(route(namespace))
    item["spec"]["rules"][0]["backendRefs"] = [{"name": "shop", "port": 80}, {"name": "fraud-shop-predictor"}]
    assert creation(api, item, dry_run=False) == ""
    assert THEIRS in applying(as_operator, route(namespace))


TRACES: list[Json] = [
    {"labels": {names.MODEL_DEPLOYMENT: "fraud"}},
    {"labels": {names.MANAGED_BY: names.MANAGER}},
    {"annotations": {names.STABLE_REVISION: "5c0d9e1a"}},
    {"ownerReferences": NO_CONTROLLER["ownerReferences"]},
]


@pytest.mark.parametrize("trace", TRACES, ids=["label", "managed-by", "annotation", "owner"])
def test_a_rollback_is_written_over_a_route_with_any_trace(
    api: ClusterApi, as_operator: ClusterApi, namespace: str, trace: Json
) -> None:
    item = bare(route(namespace), **trace)
    item["spec"]["rules"][0]["backendRefs"] = [{"name": "shop", "port": 80}]
    assert creation(api, item, dry_run=False) == ""
    assert applying(as_operator, route(namespace, weight=0)) == ""


def test_a_rollback_is_written_over_a_route_that_leads_to_a_revision(
    api: ClusterApi, as_operator: ClusterApi, namespace: str
) -> None:
    """Made anew by hand while Serin was down: no label, no annotation, no owner, and the candidate has traffic."""
    assert creation(api, bare(route(namespace)), dry_run=False) == ""
    assert applying(as_operator, route(namespace, weight=0)) == ""


def test_nothing_starts_where_it_may_not_and_what_is_there_goes_on(
    api: ClusterApi, as_operator: ClusterApi, namespace: str
) -> None:
    for closed in ("kube-system", "kserve", install(api)[0]):
        if api.get("v1", "Namespace", closed) is None:
            api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": closed}})
        for item in (planted(closed), route(closed)):
            settled(
                lambda item=item: creation(as_operator, item),  # type: ignore[misc]
                f"serin.dev/cage: Serin makes nothing in namespace {closed}",
            )
    assert creation(as_operator, planted(namespace), dry_run=False) == ""
    assert creation(as_operator, route(namespace), dry_run=False) == ""
    next_one = planted(namespace)
    next_one["metadata"]["name"] = "fraud-7c9f2a1b"
    with values(api, "cage", optIn="true"):
        words = f'namespace {namespace} has no label serin.dev/enabled: "true"'
        settled(lambda: creation(as_operator, next_one), words)
        assert applying(as_operator, route(namespace, weight=0)) == "", "a rollback"
        assert patching(as_operator, planted(namespace), {"spec": {"predictor": {"minReplicas": 3}}}) == ""
        assert deletion(as_operator, planted(namespace)) == ""
        label = {"metadata": {"labels": {"serin.dev/enabled": "true"}}}
        api.merge("v1", "Namespace", namespace, namespace=None, patch=label)
        settled(lambda: creation(as_operator, next_one), "")
    settled(lambda: creation(as_operator, next_one), "")


def test_it_says_nothing_itself(api: ClusterApi, as_operator: ClusterApi, namespace: str) -> None:
    item = objects.action(namespace)
    item["spec"]["requestedBy"] = as_operator.user()
    item["metadata"] = {"generateName": "x-", "namespace": namespace}
    with not_in_force(api, "actions"):
        settled(lambda: creation(as_operator, item), "")
        assert "serin.dev/cage: Serin creates PromotionActions by dry run only" in creation(
            as_operator, item, dry_run=False
        )


def test_of_an_action_it_changes_the_label_of_answered_ones(
    api: ClusterApi, as_operator: ClusterApi, namespace: str
) -> None:
    item = objects.action(namespace)
    item["spec"]["requestedBy"] = api.user()
    item["metadata"]["labels"] = {"team": "x"}
    api.apply(item)
    assert patching(as_operator, item, {"metadata": {"labels": {names.ANSWERED: "true"}}}) == ""
    words = "of a PromotionAction Serin changes only its status and the label serin.dev/answered"
    for metadata in ({"labels": {"team": "y"}}, {"labels": {"team": None}}, {"annotations": {"a": "b"}}):
        assert words in patching(as_operator, item, {"metadata": metadata}), metadata
