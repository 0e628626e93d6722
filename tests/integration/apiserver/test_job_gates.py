"""Gates `job` on a real API server: which pods they may have, who makes their Jobs, what Serin's account may make."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.deploy import ClusterApi
from e2e.deploy.cluster import Json
from e2e.sandbox.sandbox import Sandbox
from serin.api import names
from serin.controller.snapshot.gate_facts.jobs.rendering import Trial, job_object
from serin.policy_gates.job import Job
from serin.traffic.owner import Owner
from tests.integration.apiserver import objects
from tests.integration.apiserver.tenants import account, creation, deletion, patching, rule, settled

pytestmark = pytest.mark.apiserver
UID = "0a1b2c3d-0000-0000-0000-000000000000"
CONTAINER: Json = {"name": "trial", "image": "registry.example.com/trial:1"}
METRICS = [{"name": "auc", "min": "0.93"}]
WRITES = rule("serin.dev", ["promotionpolicies"], ["get", "create", "patch"])
MAKES_JOBS = rule("batch", ["jobs"], ["create", "get", "patch"])


def gate(*, container: Json | None = None, metrics: Any = METRICS, **spec: Any) -> Json:
    """A gate with more in its pod."""
    template = {"spec": {"containers": [CONTAINER | (container or {})], **spec}}
    return {"name": "offline", "before": "Start", "job": {"template": template, "metrics": metrics}}


def policy(namespace: str, *gates: Json) -> Json:
    """A policy with these gates."""
    item = objects.policy(namespace)
    item["spec"]["gates"] = list(gates)
    return item


@pytest.fixture
def author(sandbox: Sandbox, api: ClusterApi, namespace: str) -> Iterator[ClusterApi]:
    """Writes policies, and may make Jobs."""
    with account(sandbox, api, namespace, "author", (WRITES, MAKES_JOBS)) as limited:
        settled(lambda: creation(limited, policy(namespace, gate())), "")
        settled(lambda: creation(limited, policy(namespace, gate(hostNetwork=True))), "serin.dev/policies")
        yield limited


NODE = "hostNetwork, hostPID, hostIPC and nodeName are not for a trial"
PRIVILEGES = "allows neither privileges, added capabilities nor"
TEMPLATES: list[tuple[Json, str]] = [
    (gate(hostNetwork=True), NODE),
    (gate(hostPID=True), NODE),
    (gate(hostIPC=True), NODE),
    (gate(nodeName="n1"), NODE),
    (gate(volumes=[{"name": "root", "hostPath": {"path": "/"}}]), "hostPath and other volumes of the node"),
    (gate(container={"securityContext": {"privileged": True}}), PRIVILEGES),
    (gate(container={"securityContext": {"allowPrivilegeEscalation": True}}), PRIVILEGES),
    (gate(container={"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}), PRIVILEGES),
    (gate(container={"securityContext": {"runAsUser": 0}}), PRIVILEGES),
    (gate(initContainers=[CONTAINER | {"securityContext": {"privileged": True}}]), PRIVILEGES),
    (gate(securityContext={"runAsNonRoot": False}), PRIVILEGES),
    (gate(serviceAccountName="power"), "may not use ServiceAccount power"),
    (gate(serviceAccount="power"), "may not use ServiceAccount power"),
    (gate(serviceAccountName="default"), ""),
    (gate(securityContext={"runAsUser": 65532, "fsGroup": 65532}), ""),
    (gate(volumes=[{"name": "a", "emptyDir": {}}, {"name": "b", "configMap": {"name": "x"}}, {"name": "c"}]), ""),
    (gate(volumes=None, initContainers=None, securityContext=None), ""),
    (gate(metrics=[]), "metrics"),
    (gate(metrics=[{"name": "auc"}]), "give min, max, minChange or maxChange"),
    (gate(metrics=[*METRICS, *METRICS]), "uplicate"),
]


@pytest.mark.parametrize(("one", "words"), TEMPLATES)
def test_which_pods_a_policy_may_ask_for(author: ClusterApi, namespace: str, one: Json, words: str) -> None:
    answer = creation(author, policy(namespace, one))
    assert (answer == "") is (words == ""), answer
    assert words in answer


def test_who_may_make_no_jobs_writes_no_gate_that_makes_them(sandbox: Sandbox, api: ClusterApi, namespace: str) -> None:
    with account(sandbox, api, namespace, "author", (WRITES,)) as limited:
        approval = {"name": "cab", "before": "Start", "approval": {}}
        settled(lambda: creation(limited, policy(namespace, approval)), "")
        words = f"may not create jobs.batch in namespace {namespace}, and a gate job makes them"
        settled(lambda: creation(limited, policy(namespace, gate())), words)
        # What somebody else wrote may be changed elsewhere.
        api.apply(policy(namespace, gate()))
        assert patching(limited, policy(namespace), {"spec": {"prepareTimeout": "1m"}}) == ""


def test_who_may_create_pods_may_use_any_account(sandbox: Sandbox, api: ClusterApi, namespace: str) -> None:
    pods = rule("", ["pods"], ["create"])
    with account(sandbox, api, namespace, "author", (WRITES, MAKES_JOBS, pods)) as limited:
        settled(lambda: creation(limited, policy(namespace, gate(serviceAccountName="power"))), "")


def made(namespace: str) -> Json:
    """The Job that Serin makes."""
    trial = Trial(Owner("fraud", namespace, UID), "fraud-5c0d9e1a-1", "offline", 0)
    return job_object(trial, Job.model_validate(gate()["job"]), 1, {"SERIN_REVISION": "5c0d9e1a"})


def test_serin_makes_the_job_of_a_gate(as_operator: ClusterApi, namespace: str) -> None:
    assert creation(as_operator, made(namespace), dry_run=False) == ""
    assert "already exists" in creation(as_operator, made(namespace), dry_run=False)
    assert "cannot patch" in patching(as_operator, made(namespace), {"spec": {"suspend": True}})
    assert deletion(as_operator, made(namespace)) == "", "its rollout may be over"


def test_serin_deletes_no_job_of_others(api: ClusterApi, as_operator: ClusterApi, namespace: str) -> None:
    item = made(namespace)
    item["metadata"]["labels"] = {}
    item["spec"]["template"]["metadata"]["labels"] = {}
    assert creation(api, item, dry_run=False) == ""
    settled(lambda: deletion(as_operator, item), "serin.dev/cage: Serin makes the Jobs of gates and deletes them")


def changed(namespace: str, *path: str, value: object) -> Json:
    """Serin's Job with one thing else."""
    item = copy.deepcopy(made(namespace))
    place = item
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return item


POD = ("spec", "template", "spec")
CAGED: list[tuple[tuple[str, ...], object, str]] = [
    (("metadata", "ownerReferences"), [], "with its label"),
    (("metadata", "labels"), {names.GATE: "offline"}, "with its label"),
    (("metadata", "labels"), {names.MANAGED_BY: names.MANAGER}, "is of a gate"),
    (("spec", "backoffLimit"), 6, "tries once"),
    ((*POD, "hostNetwork"), True, "no host namespace"),
    ((*POD, "hostPID"), True, "no host namespace"),
    ((*POD, "volumes"), [{"name": "root", "hostPath": {"path": "/"}}], "no host namespace"),
    ((*POD, "containers"), [CONTAINER], "no host namespace"),
    ((*POD, "containers"), [CONTAINER | {"securityContext": {"privileged": True}}], "no host namespace"),
]


@pytest.mark.parametrize(("path", "value", "words"), CAGED)
def test_what_nobody_makes_with_serins_account(
    as_operator: ClusterApi, namespace: str, path: tuple[str, ...], value: object, words: str
) -> None:
    answer = creation(as_operator, changed(namespace, *path, value=value))
    assert "serin.dev/cage" in answer, answer
    assert words in answer


def test_serin_makes_no_job_in_a_namespace_of_the_system(as_operator: ClusterApi) -> None:
    assert "serin.dev/cage: Serin makes nothing in namespace kube-system" in creation(as_operator, made("kube-system"))


def test_nobody_else_makes_a_gates_job_or_its_pods(sandbox: Sandbox, api: ClusterApi, namespace: str) -> None:
    every = (MAKES_JOBS, rule("", ["pods"], ["create", "patch"]))
    free: Json = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "free", "namespace": namespace}}
    free["spec"] = {"containers": [CONTAINER]}
    labelled = copy.deepcopy(free)
    labelled["metadata"] |= {"name": "forged", "labels": {names.GATE: "offline"}}
    # No controller makes it here.
    api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": namespace}})
    with account(sandbox, api, namespace, "forger", every) as forger:
        settled(
            lambda: creation(forger, made(namespace)), "jobs with the label serin.dev/gate are written by Serin only"
        )
        words = "pods with the label serin.dev/gate are written by the Job controller only"
        settled(lambda: creation(forger, labelled), words)
        own = {**made(namespace), "metadata": {"name": "own", "namespace": namespace}}
        own["spec"] = {**own["spec"], "template": {"spec": own["spec"]["template"]["spec"]}}
        assert creation(forger, own) == ""
        # Whose pods the Job controller would label, for Serin's Job to take up once they have lost their own.
        own["metadata"]["labels"] = {"app": "own"}  # else it would get those of its pods
        own["spec"]["template"]["metadata"] = {"labels": {names.GATE: "offline"}}
        assert "are written by Serin only" in creation(forger, own)
        assert creation(forger, free, dry_run=False) == ""
        assert words in patching(forger, free, {"metadata": {"labels": {names.GATE: "offline"}}})
