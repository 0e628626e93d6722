"""Nobody reaches further by a ModelDeployment than without: every rule of the policy, refused and accepted."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.demo import objects as demo
from e2e.deploy import ClusterApi
from e2e.deploy.cluster import Json
from e2e.sandbox.sandbox import Sandbox
from tests.integration.apiserver import objects
from tests.integration.apiserver.tenants import (
    account,
    creation,
    not_in_force,
    patching,
    rule,
    settled,
    user_of,
    values,
)

pytestmark = pytest.mark.apiserver
OWNER = "owner"
OWN = rule("serin.dev", ["modeldeployments"], ["get", "create", "update", "patch"])
WORKLOADS = rule("serving.kserve.io", ["inferenceservices"], ["create"])
ROUTES = rule("gateway.networking.k8s.io", ["httproutes"], ["create"])
GATEWAY = rule("gateway.networking.k8s.io", ["gateways"], ["use"], ["models"])
POLICIES = rule("serin.dev", ["promotionpolicies"], ["use"], ["careful"])
ALL = (OWN, WORKLOADS, ROUTES, GATEWAY, POLICIES)


@pytest.fixture
def owner(sandbox: Sandbox, api: ClusterApi, namespace: str) -> Iterator[ClusterApi]:
    """An account that may do all that a ModelDeployment does, and nothing else."""
    with account(sandbox, api, namespace, OWNER, ALL) as limited:
        settled(lambda: creation(limited, objects.model_deployment(namespace)), "")
        yield limited


def with_predictor(namespace: str, **fields: Any) -> Json:
    """The smallest ModelDeployment with more in its predictor."""
    item = objects.model_deployment(namespace)
    if "containers" in fields:
        item["spec"]["predictor"] = {}
    item["spec"]["predictor"] |= copy.deepcopy(fields)
    return item


CONTAINER: Json = {"name": "kserve-container", "image": "example.com/server:1"}


def container(**fields: Any) -> Json:
    """A predictor with one container of its own."""
    return {"containers": [{**CONTAINER, **fields}]}


def beside(**fields: Any) -> Json:
    """A predictor with an init container beside the model."""
    return {"initContainers": [{**CONTAINER, "name": "first", **fields}]}


def model(**fields: Any) -> Json:
    """A predictor with more in its section ``model``."""
    return {"model": {"modelFormat": {"name": "sklearn"}, **fields}}


ELSEWHERE: Json = {  # an autoscaler of the cluster asks there, with what credentials it is told
    "type": "External",
    "external": {
        "metric": {"backend": "prometheus", "serverAddress": "http://10.0.0.1", "query": "$(inferenceService)"},
        "authenticationRef": {"authModes": "bearer", "authenticationRef": {"name": "shared"}},
        "target": {"type": "Value", "value": "1"},
    },
}
SECRET: Json = {"name": "HF_TOKEN", "value": "hf_abc"}
FROM_SECRET: Json = {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf", "key": "token"}}}
NOT_OF_THE_NODE = "hostNetwork, hostPID, hostIPC and nodeName are not for models"
NOT_PRIVILEGED = "privileged containers and added capabilities are not for models"
REFUSED: list[tuple[Json, str]] = [
    ({"hostNetwork": True}, NOT_OF_THE_NODE),
    ({"hostPID": True}, NOT_OF_THE_NODE),
    ({"hostIPC": True}, NOT_OF_THE_NODE),
    ({"nodeName": "control-plane"}, NOT_OF_THE_NODE),
    ({"volumes": [{"name": "v", "emptyDir": {}}, {"name": "h", "hostPath": {"path": "/"}}]}, "hostPath is not for"),
    (container(securityContext={"privileged": True}), NOT_PRIVILEGED),
    (beside(securityContext={"privileged": True}), NOT_PRIVILEGED),
    (model(securityContext={"privileged": True}), NOT_PRIVILEGED),
    ({"sklearn": {"securityContext": {"privileged": True}}}, NOT_PRIVILEGED),
    (container(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}}), NOT_PRIVILEGED),
    (container(ports=[{"containerPort": 8080, "hostPort": 80}]), "hostPort is not for models"),
    (container(env=[SECRET]), "the literal value of HF_TOKEN would stand in records"),
    ({"serviceAccountName": "power"}, "may not use ServiceAccount power"),
    ({"serviceAccount": "power"}, "may not use ServiceAccount power"),
]
ACCEPTED: list[Json] = [
    {"hostNetwork": False, "hostPID": None, "nodeName": "", "volumes": None, "initContainers": None},
    {"serviceAccountName": "default"},
    {"serviceAccountName": None, "serviceAccount": ""},
    {"volumes": [{"name": "cache", "emptyDir": {}}, {"name": "odd"}]},
    container(env=[FROM_SECRET, {"name": "MODE", "value": "fast"}, {"name": "SECRET_PATH", "value": ""}]),
    container(env=None, ports=None, securityContext=None),
    container(securityContext={"capabilities": {"drop": ["ALL"]}, "privileged": False}),
    container(securityContext={"capabilities": None, "privileged": None}),
    container(securityContext={"capabilities": {"add": []}}, ports=[{"containerPort": 8080}]),
    beside(
        env=[{"name": "URL", "value": "http://proxy:3128/@team"}, {"name": "NOTHING"}, {"name": "NONE", "value": None}]
    ),
    model(env=[{"name": "AT", "value": "12:00@noon"}], args=["--x"]),
    {"labels": {"team": "fraud"}, "minReplicas": 2, "tolerations": [{"key": "gpu", "operator": "Exists"}]},
    {"storageUris": [{"uri": "s3://models/a"}, {"mountPath": "/x"}]},
]


def test_what_nobody_asked_for_is_refused_by_name(owner: ClusterApi, namespace: str) -> None:
    for fields, words in REFUSED:
        answer = creation(owner, with_predictor(namespace, **fields))
        assert "serin.dev/modeldeployments: spec.predictor" in answer, fields
        assert words in answer, fields


def with_transformer(namespace: str, **fields: Any) -> Json:
    """The smallest ModelDeployment with a transformer."""
    item = objects.model_deployment(namespace)
    item["spec"]["transformer"] = {"containers": [CONTAINER], **copy.deepcopy(fields)}
    return item


def test_a_transformer_is_no_way_round_what_a_predictor_may_not(owner: ClusterApi, namespace: str) -> None:
    of_kserve = [(fields, words) for fields, words in REFUSED if not {"model", "sklearn"} & fields.keys()]
    for fields, words in of_kserve:
        answer = creation(owner, with_transformer(namespace, **fields))
        assert "serin.dev/modeldeployments: spec." in answer, fields
        assert "spec.transformer" in answer, fields
        assert words in answer, fields
    for fields in ({}, {"serviceAccountName": "default"}, {"minReplicas": 2}, {"volumes": None}):
        assert creation(owner, with_transformer(namespace, **fields)) == "", fields


def test_what_is_legal_is_accepted_however_it_is_written(owner: ClusterApi, namespace: str) -> None:
    refused = {str(fields): creation(owner, with_predictor(namespace, **fields)) for fields in ACCEPTED}
    assert {fields: words for fields, words in refused.items() if words} == {}


@pytest.mark.parametrize("version", [demo.FIRST, demo.BAD], ids=["first", "bad"])
def test_the_demo_is_legal(api: ClusterApi, namespace: str, version: demo.Version) -> None:
    item = demo.model_deployment(version)
    item["metadata"]["namespace"] = namespace
    with values(api, "modeldeployments", restoreAccounts="[]", requestedByRequired="true"):
        settled(lambda: creation(api, item), "a change of spec needs the annotation")
        item["metadata"]["annotations"] = {"serin.dev/requested-by": api.user()}
        settled(lambda: creation(api, item), "")


MISSING = [
    (
        WORKLOADS,
        "may not create inferenceservices.serving.kserve.io in namespace {}, and a ModelDeployment creates them",
    ),
    (ROUTES, "may not create httproutes.gateway.networking.k8s.io in namespace {}, and a ModelDeployment creates one"),
    (GATEWAY, "may not use Gateway models of namespace {}"),
    (
        POLICIES,
        "may not use PromotionPolicy careful; ask for the verb use on promotionpolicies.serin.dev in namespace {}",
    ),
]


@pytest.mark.parametrize(("taken", "words"), MISSING, ids=["pods", "routes", "gateway", "policy"])
def test_who_may_not_do_it_alone_may_not_do_it_by_serin(
    sandbox: Sandbox, api: ClusterApi, namespace: str, taken: Json, words: str
) -> None:
    item = objects.model_deployment(namespace)
    with account(sandbox, api, namespace, "attacker", [right for right in ALL if right != taken]) as attacker:
        settled(lambda: creation(attacker, item), words.format(namespace))
        with values(api, "modeldeployments", ownRights="false", gatewayUse="false", policyUse="false"):
            settled(lambda: creation(attacker, item), "")
        settled(lambda: creation(attacker, item), words.format(namespace))


def test_a_service_is_adopted_at_the_word_of_who_may_decide_about_it(
    sandbox: Sandbox, api: ClusterApi, namespace: str
) -> None:
    """Whoever may change and delete it; and at the beginning only."""
    item = objects.model_deployment(namespace)
    item["spec"]["adopt"] = {"inferenceService": "old"}
    words = f"spec.adopt: {user_of(namespace, OWNER)} may not update and delete InferenceService old"
    services = ["inferenceservices"]
    rights: tuple[tuple[list[Json], str], ...] = (
        ([], words),
        ([rule("serving.kserve.io", services, ["update"])], words),
        ([rule("serving.kserve.io", services, ["update", "delete"], ["other"])], words),
        ([rule("serving.kserve.io", services, ["update", "delete"], ["old"])], ""),
    )
    for given, answer in rights:
        with account(sandbox, api, namespace, OWNER, [*ALL, *given]) as owner:
            settled(lambda owner=owner: creation(owner, item), answer)  # type: ignore[misc]
    api.apply(item)
    for later in ({"inferenceService": "other"}, {"inferenceService": "old"}, None):
        said = patching(api, item, {"spec": {"adopt": later}})
        assert ("adopt counts for the first revision" in said) == (later == {"inferenceService": "other"})
    api.merge(item["apiVersion"], "ModelDeployment", "fraud", namespace=namespace, patch={"spec": {"adopt": None}})
    assert "adopt counts for the first revision" in patching(
        api, item, {"spec": {"adopt": {"inferenceService": "old"}}}
    )


def test_a_gateway_of_another_namespace_is_asked_about_there(owner: ClusterApi, namespace: str) -> None:
    item = objects.model_deployment(namespace)
    item["spec"]["route"]["parentRef"]["namespace"] = "gateways"
    assert "may not use Gateway models of namespace gateways" in creation(owner, item)
    item["spec"]["route"]["parentRef"] = {"name": "other", "namespace": namespace}
    assert f"may not use Gateway other of namespace {namespace}" in creation(owner, item)


@pytest.mark.parametrize(
    "right",
    [rule("", ["serviceaccounts"], ["use"], ["power"]), rule("", ["pods"], ["create"])],
    ids=["use", "pods"],
)
def test_an_account_is_used_by_who_may(sandbox: Sandbox, api: ClusterApi, namespace: str, right: Json) -> None:
    with account(sandbox, api, namespace, OWNER, [*ALL, right]) as owner:
        settled(lambda: creation(owner, with_predictor(namespace, serviceAccountName="power")), "")


def test_a_namespace_may_be_limited_in_its_hostnames(api: ClusterApi, owner: ClusterApi, namespace: str) -> None:
    def asked(*hostnames: str) -> str:
        item = objects.model_deployment(namespace)
        item["spec"]["route"]["hostnames"] = list(hostnames)
        return creation(owner, item)

    def annotate(value: str | None) -> None:
        patch = {"metadata": {"annotations": {"serin.dev/hostnames": value}}}
        api.merge("v1", "Namespace", namespace, namespace=None, patch=patch)

    assert asked("anybody.example.org") == ""
    annotate("fraud.example.com, team.example.com")
    settled(lambda: asked("anybody.example.org"), "may have the hostnames fraud.example.com, team.example.com and what")
    assert asked("fraud.example.com", "a.team.example.com", "*.team.example.com", "x.fraud.example.com") == ""
    for stranger in ("xteam.example.com", "*.example.com", "example.com"):
        assert "spec.route.hostnames" in asked("fraud.example.com", stranger), stranger
    annotate("")
    settled(lambda: asked("fraud.example.com"), "may have the hostnames (none)")
    annotate(None)
    settled(lambda: asked("fraud.example.com"), "")
    with values(api, "modeldeployments", hostnamesRequired="true"):
        settled(lambda: asked("fraud.example.com"), "may have the hostnames (none)")
    settled(lambda: asked("fraud.example.com"), "")


def test_who_asked_is_who_it_says(api: ClusterApi, owner: ClusterApi, namespace: str) -> None:
    item, me = objects.model_deployment(namespace), user_of(namespace, OWNER)
    by = {"metadata": {"annotations": {"serin.dev/requested-by": me}}}
    forged = {"metadata": {"annotations": {"serin.dev/requested-by": "ana@example.com"}}}
    change = {"spec": {"model": {"version": "2"}}}
    with_name = {**item, "metadata": {**item["metadata"], **by["metadata"]}}
    words = f"serin.dev/requested-by names ana@example.com and the change is by {me}"
    assert words in creation(owner, {**item, "metadata": {**item["metadata"], **forged["metadata"]}})
    assert creation(owner, with_name, dry_run=False) == ""
    assert words in patching(owner, item, forged), "also without a change of spec"
    assert words in patching(owner, item, forged | change)
    assert patching(owner, item, change) == ""
    assert f"names {me} and the change is by admin" in patching(api, item, change), "somebody else's change"
    gone: Json = {"metadata": {"annotations": {"serin.dev/requested-by": None}}}
    assert patching(owner, item, gone | change) == ""
    with values(api, "modeldeployments", requestedByRequired="true"):
        needs = "a change of spec needs the annotation serin.dev/requested-by"
        settled(lambda: patching(owner, item, gone | change), needs)
        assert patching(owner, item, change | by) == ""
        assert needs in patching(owner, item, gone), "before the record is written: who asked could approve then"
        assert patching(owner, item, {"spec": {"paused": True}}) == ""


def test_what_was_accepted_once_goes_on(sandbox: Sandbox, api: ClusterApi, namespace: str) -> None:
    """An object of before, with all that is refused now, by somebody with no right but the one to change it."""
    item = with_predictor(namespace, hostNetwork=True, serviceAccountName="power", **container(env=[SECRET]))
    item["spec"]["route"]["hostnames"] = ["old.example.com"]
    item["spec"]["transformer"] = {"containers": [CONTAINER]}
    assert creation(api, item, dry_run=False) == "", "as a backup tool would, whose account the chart names"
    with values(api, "modeldeployments", restoreAccounts="[]"):
        settled(lambda: creation(api, {**item, "metadata": {**item["metadata"], "name": "new"}}), NOT_OF_THE_NODE)
    with account(sandbox, api, namespace, "hand", [OWN]) as hand:
        for patch in (
            {"spec": {"paused": True}},
            {"spec": {"predictor": {"minReplicas": 3, "maxReplicas": 5}}},
            {"metadata": {"labels": {"team": "x"}, "finalizers": ["example.com/x"]}},
        ):
            settled(lambda patch=patch: patching(hand, item, patch), "")  # type: ignore[misc]
        assert "may not create inferenceservices" in patching(hand, item, {"spec": {"model": {"version": "2"}}})
        for component in ("predictor", "transformer"):
            queries: Json = {"spec": {component: {"autoScaling": {"metrics": [ELSEWHERE]}}}}
            assert "may not create inferenceservices" in patching(hand, item, queries), component
        assert "may not use PromotionPolicy weak" in patching(hand, item, {"spec": {"policyRef": {"name": "weak"}}})
        assert "may not create httproutes" in patching(hand, item, {"spec": {"route": {"timeout": "30s"}}})
    with account(sandbox, api, namespace, OWNER, ALL) as owner:
        settled(lambda: patching(owner, item, {"spec": {"model": {"version": "2"}}}), "")
        for predictor in ({"labels": {"team": "x"}}, {"serviceAccountName": None}, {"hostPID": False}):
            words = NOT_OF_THE_NODE if "serviceAccountName" in predictor else "may not use ServiceAccount power"
            assert words in patching(owner, item, {"spec": {"predictor": predictor}}), predictor


def test_without_the_policy_nothing_of_this_is_asked(api: ClusterApi, owner: ClusterApi, namespace: str) -> None:
    item = with_predictor(namespace, hostNetwork=True)
    assert NOT_OF_THE_NODE in creation(owner, item)
    with not_in_force(api, "modeldeployments"):
        settled(lambda: creation(owner, item), "")
    settled(lambda: creation(owner, item), NOT_OF_THE_NODE)


def test_serins_own_writes_are_not_asked(as_operator: ClusterApi, api: ClusterApi, namespace: str) -> None:
    item = api.apply(objects.model_deployment(namespace))
    path = api._path(item["apiVersion"], "ModelDeployment/status", namespace, "fraud")
    status = {"observedGeneration": 1, "phase": "Pending"}
    assert as_operator._send("PUT", path, json={**item, "status": status})["status"]["phase"] == "Pending"


LOOSER = [
    ({"hostAccess": "true"}, {"hostNetwork": True, "volumes": [{"name": "h", "hostPath": {"path": "/"}}]}),
    (
        {"hostAccess": "true"},
        container(securityContext={"privileged": True}, ports=[{"containerPort": 1, "hostPort": 1}]),
    ),
]


@pytest.mark.parametrize(("setting", "fields"), LOOSER, ids=["node", "privileged"])
def test_a_value_of_the_chart_turns_a_rule_off(
    api: ClusterApi, owner: ClusterApi, namespace: str, setting: dict[str, str], fields: Json
) -> None:
    item = with_predictor(namespace, **fields)
    assert "serin.dev/modeldeployments" in creation(owner, item)
    with values(api, "modeldeployments", **setting):
        settled(lambda: creation(owner, item), "")
    settled(lambda: creation(owner, item), "serin.dev/modeldeployments")


def test_a_large_object_is_not_too_dear(owner: ClusterApi, namespace: str) -> None:
    """The API server bounds the cost of an expression; 32 containers of 100 variables each are not near it."""
    env = [{"name": f"VARIABLE_NUMBER_{number}", "value": "x" * 200} for number in range(100)]
    containers = [{**CONTAINER, "name": f"c{number}", "env": env} for number in range(32)]
    assert creation(owner, with_predictor(namespace, containers=containers)) == ""
