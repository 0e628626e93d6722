from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from e2e.sandbox.node.environment import (
    MissingReferenceError,
    NamespaceSource,
    container_environment,
    expand,
    pod_field,
    selected_keys,
)

if TYPE_CHECKING:
    from tests.tools.node.conftest import FakeApi

POD: dict[str, Any] = {
    "metadata": {"name": "p", "namespace": "n", "uid": "u", "labels": {"a/b": "c"}},
    "spec": {"nodeName": "node-1", "serviceAccountName": "default"},
}
STATUS = {"status.podIP": "10.244.0.10"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$(A)", "1"),
        ("x-$(A)-$(B)", "x-1-$(B)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A ${A}", "$A ${A}"),
        ("100%", "100%"),
    ],
)
def test_expansion_is_that_of_kubernetes(text: str, result: str) -> None:
    assert expand(text, {"A": "1"}) == result


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "p"),
        ("metadata.labels['a/b']", "c"),
        ("metadata.annotations['none']", ""),
        ("status.podIP", "10.244.0.10"),
        ("spec.nodeName", "node-1"),
    ],
)
def test_fields_of_the_pod(path: str, value: str) -> None:
    assert pod_field(path, POD, STATUS) == value


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(MissingReferenceError, match=r"status\.phase"):
        pod_field("status.phase", POD, STATUS)


async def test_variables_from_all_sources(api: FakeApi) -> None:
    api.objects["/api/v1/namespaces/n/configmaps/c"] = {"data": {"K": "map"}}
    api.objects["/api/v1/namespaces/n/secrets/s"] = {"data": {"K": base64.b64encode(b"secret").decode()}}
    container = {
        "envFrom": [{"prefix": "P_", "configMapRef": {"name": "c"}}, {"secretRef": {"name": "no", "optional": True}}],
        "env": [
            {"name": "A", "value": "1"},
            {"name": "B", "value": "$(A)$(P_K)$(LATER)"},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "M", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "K"}}},
            {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "K"}}},
            {"name": "GONE", "valueFrom": {"secretKeyRef": {"name": "s", "key": "X", "optional": True}}},
            {"name": "LATER", "value": "x"},
        ],
    }
    assert await container_environment(container, POD, STATUS, NamespaceSource(api, "n")) == {
        "P_K": "map",
        "A": "1",
        "B": "1map$(LATER)",
        "IP": "10.244.0.10",
        "M": "map",
        "S": "secret",
        "LATER": "x",
    }


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        ({"secretKeyRef": {"name": "no", "key": "k"}}, 'secret "no" not found'),
        ({"configMapKeyRef": {"name": "c", "key": "no"}}, "couldn't find key no in configmap c"),
        ({"resourceFieldRef": {"resource": "limits.cpu"}}, "does not know valueFrom.resourceFieldRef"),
    ],
)
async def test_a_missing_reference_is_named(api: FakeApi, origin: dict[str, Any], message: str) -> None:
    api.objects["/api/v1/namespaces/n/configmaps/c"] = {"data": {}}
    container = {"env": [{"name": "A", "valueFrom": origin}]}
    with pytest.raises(MissingReferenceError, match=message):
        await container_environment(container, POD, STATUS, NamespaceSource(api, "n"))


def test_items_choose_and_rename_keys() -> None:
    assert selected_keys({"a": b"1", "b": b"2"}, [{"key": "a", "path": "x/y"}]) == {"x/y": b"1"}
    assert selected_keys({"a": b"1"}, []) == {"a": b"1"}
    with pytest.raises(MissingReferenceError, match="non-existent key: c"):
        selected_keys({"a": b"1"}, [{"key": "c", "path": "x"}])
