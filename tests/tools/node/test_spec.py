from __future__ import annotations

from typing import Any

import pytest

from e2e.sandbox.node.spec import memory_limit, named_ports, unschedulable, unsupported


def pod(spec: dict[str, Any] | None = None, **container: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "c", "image": "i", **container}], **(spec or {})}}


def test_an_ordinary_pod_is_taken() -> None:
    probe = {"httpGet": {"port": 1}}
    assert unsupported(pod(readinessProbe=probe, lifecycle={"preStop": {"sleep": {"seconds": 1}}})) == []


@pytest.mark.parametrize(
    ("refused", "word"),
    [
        (pod({"hostNetwork": True}), "hostNetwork"),
        (pod({"shareProcessNamespace": True}), "modelcars"),
        (pod({"initContainers": [{"name": "s", "restartPolicy": "Always"}]}), "native sidecars"),
        (pod({"readinessGates": [{"conditionType": "x"}]}), "readinessGates"),
        (pod(livenessProbe={"grpc": {"port": 1}}), "livenessProbe is of a kind"),
        (pod(lifecycle={"postStart": {"exec": {}}}), "postStart"),
        (pod(lifecycle={"preStop": {"tcpSocket": {}}}), "preStop is of a kind"),
        (pod(volumeDevices=[{}]), "volumeDevices"),
    ],
)
def test_what_the_node_cannot_do_is_named(refused: dict[str, Any], word: str) -> None:
    (reason,) = unsupported(refused)
    assert word in reason


def test_plain_facts() -> None:
    container = {
        "ports": [{"name": "http", "containerPort": 8080}, {"containerPort": 1}],
        "resources": {"limits": {"memory": "1Mi"}},
    }
    assert named_ports(container) == {"http": 8080}
    assert memory_limit(container) == 1 << 20
    assert memory_limit({}) is None


def test_kinds_of_resources_and_labels_that_no_node_has_keep_a_pod_pending() -> None:
    resources = frozenset({"cpu", "memory"})
    asks = pod(resources={"limits": {"nvidia.com/gpu": "1", "cpu": "1"}})
    assert unschedulable(asks, {}, resources) == "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."
    assert "selector" in str(unschedulable(pod({"nodeSelector": {"gpu": "a100"}}), {"gpu": "t4"}, resources))
    assert (
        unschedulable(pod({"nodeSelector": {"a": "b"}}, resources={"requests": {"cpu": 1}}), {"a": "b"}, resources)
        is None
    )
