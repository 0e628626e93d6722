"""Which pods a gate's Job may have: a table."""

from __future__ import annotations

from typing import Any

import pytest

from serin.policy_gates.pod_template import template_problem

CONTAINER = {"name": "trial", "image": "registry.example.com/trial:1"}


def of(*, container: dict[str, Any] | None = None, metadata: Any = None, **spec: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"spec": {"containers": [CONTAINER | (container or {})]} | spec}
    return made if metadata is None else made | {"metadata": metadata}


GOOD = [
    of(),
    of(metadata={"annotations": {"sidecar.istio.io/inject": "false"}}),
    of(restartPolicy="Never", serviceAccountName="trials"),
    of(volumes=[{"name": "data", "configMap": {"name": "held-out"}}, {"name": "tmp"}]),
    of(securityContext={"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "Localhost"}}),
    of(container={"securityContext": {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}}),
    of(container={"args": ["--token", "$(API_TOKEN)", "--max-tokens=5", "https://store"]}),
    of(container={"env": [{"name": "API_TOKEN", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]}),
    of(container={"env": [{"name": "URL", "value": "http://$(SERIN_HOSTNAME)/"}]}),
]


@pytest.mark.parametrize("template", GOOD)
def test_what_is_let_through(template: dict[str, Any]) -> None:
    assert template_problem(template) is None


REFUSED = [
    ({}, "spec: give a pod's spec"),
    ({"spec": []}, "spec: give a pod's spec"),
    ({"spec": {"containers": []}}, "spec: give a pod's spec"),
    ({"spec": {"initContainers": [CONTAINER]}}, "at least one container"),
    (of(containers=[CONTAINER] * 9), "more than 8 containers"),
    (of(metadata={"labels": {"app": "isvc.fraud"}}), "only annotations"),
    (of(metadata=["x"]), "only annotations"),
    (of(restartPolicy="OnFailure"), "spec.restartPolicy"),
    (of(hostNetwork=True), "spec.hostNetwork"),
    (of(hostPID=True), "spec.hostPID"),
    (of(hostIPC=True), "spec.hostIPC"),
    (of(nodeName="n1"), "spec.nodeName"),
    (of(volumes=[{"name": "a"}, {"name": "root", "hostPath": {"path": "/"}}]), "spec.volumes[1].hostPath"),
    (of(volumes=[{"name": "n", "nfs": {"server": "x", "path": "/"}}]), "spec.volumes[0].nfs"),
    (of(container={"ports": [{"containerPort": 1, "hostPort": 1}]}), "hostPort"),
    (of(container={"securityContext": {"privileged": True}}), "spec.containers[0].securityContext.privileged"),
    (of(container={"securityContext": {"allowPrivilegeEscalation": True}}), "allowPrivilegeEscalation"),
    (of(container={"securityContext": {"runAsNonRoot": False}}), "runAsNonRoot"),
    (of(container={"securityContext": {"runAsUser": 0}}), "runAsUser"),
    (of(container={"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}), "capabilities"),
    (of(container={"securityContext": {"capabilities": {"drop": ["CHOWN"]}}}), "capabilities"),
    (of(container={"securityContext": {"procMount": "Unmasked"}}), "procMount"),
    (of(securityContext={"seccompProfile": {"type": "Unconfined"}}), "spec.securityContext.seccompProfile"),
    (of(securityContext={"sysctls": [{"name": "a", "value": "b"}]}), "sysctls"),
    (of(initContainers=[CONTAINER | {"securityContext": {"privileged": True}}]), "spec.initContainers[0]"),
    (of(container={"env": [{"name": "SERIN_REVISION", "value": "x"}]}), "are Serin's"),
    (of(container={"env": [{"name": "API_TOKEN", "value": "abc123"}]}), "a secret in plain text"),
    (of(container={"env": [{"name": "STORE", "value": "https://me:pw@store"}]}), "a secret in plain text"),
    (of(container={"args": ["--api-key", "abc123"]}), "option --api-key has a secret in plain text"),
    (of(container={"command": ["score", "--token=abc123"]}), "option --token has a secret in plain text"),
    (of(initContainers=[CONTAINER | {"args": ["https://me:pw@store"]}]), "spec.initContainers[0].args[0] has a pass"),
    (of(container={"args": ["x" * 17000]}), "16 KiB"),
]


@pytest.mark.parametrize(("template", "words"), REFUSED)
def test_what_is_refused(template: dict[str, Any], words: str) -> None:
    problem = template_problem(template)
    assert problem is not None
    assert words in problem


def test_a_template_that_is_nested_without_end_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"a": deep}
    assert "nested deeper" in (template_problem(of(affinity=deep)) or "")
