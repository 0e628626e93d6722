"""The example policies of the chart, applied as they are: what they refuse, and what goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from e2e.deploy import ClusterApi
from e2e.deploy.chart import CHART
from e2e.deploy.cluster import Json
from e2e.deploy.installation import documents
from tests.integration.apiserver import objects
from tests.integration.apiserver.tenants import creation, patching, settled

pytestmark = pytest.mark.apiserver
EXAMPLES = CHART / "examples"


@contextmanager
def applied(api: ClusterApi, name: str) -> Iterator[None]:
    """An example in force, as long as the block."""
    items = documents(EXAMPLES / f"{name}.yaml")
    for item in items:
        api.apply(item)
    try:
        yield
    finally:
        for item in reversed(items):
            api.delete(item["apiVersion"], item["kind"], item["metadata"]["name"])


def mark(api: ClusterApi, namespace: str, **metadata: Json) -> None:
    """Labels or annotations of the namespace."""
    api.merge("v1", "Namespace", namespace, namespace=None, patch={"metadata": metadata})


def policy(namespace: str, **fields: Any) -> Json:
    """A policy that the example takes, with fields changed."""
    item = objects.policy(namespace)
    item["spec"] |= {"bake": {"for": "1h"}, **fields}
    return item


def test_every_example_is_tried_and_listed() -> None:
    listed = (EXAMPLES / "README.md").read_text("utf-8")
    files = {path.name for path in EXAMPLES.glob("*.yaml")}
    assert files == {"least-proof.yaml", "allowed-policies.yaml", "freeze.yaml", "quota.yaml"}
    assert all(f"[{name}]({name})" in listed for name in files)


LITTLE: list[tuple[Json, str]] = [
    ({"bake": None}, "a promotion is watched for at least 30m here"),
    ({"bake": {"for": "29m"}}, "a promotion is watched for at least 30m here"),
    ({"analysis": {"alpha": "0.06"}}, "spec.analysis.alpha: at most 0.05 here"),
    ({"steps": [{"weight": 11, "for": "5m"}]}, "the first step is at most 10 percent here"),
    ({}, ""),
    ({"analysis": {"alpha": "0.05"}}, ""),
]


def test_least_proof(api: ClusterApi, namespace: str) -> None:
    mark(api, namespace, labels={"tier": "production"})
    with applied(api, "least-proof"):
        settled(lambda: creation(api, policy(namespace, bake=None)), "a promotion is watched")
        for fields, words in LITTLE:
            answer = creation(api, policy(namespace, **fields))
            assert words in answer if words else answer == "", fields
    settled(lambda: creation(api, policy(namespace, bake=None)), "")


def test_allowed_policies(api: ClusterApi, namespace: str) -> None:
    mark(api, namespace, labels={"tier": "production"}, annotations={"example.com/promotion-policies": "slow, strict"})
    item = objects.model_deployment(namespace)
    with applied(api, "allowed-policies"):
        settled(lambda: creation(api, item), "may use the policies slow, strict")
        item["spec"]["policyRef"]["name"] = "strict"
        settled(lambda: creation(api, item), "")
        api.apply(item)
        assert "may use the policies" in patching(api, item, {"spec": {"policyRef": {"name": "careful"}}})
        mark(api, namespace, annotations={"example.com/promotion-policies": None})
        assert patching(api, item, {"spec": {"model": {"version": "2"}}}) == "", "what has its policy goes on"


def test_freeze(api: ClusterApi, namespace: str) -> None:
    item = objects.model_deployment(namespace)
    api.apply(item)
    mark(api, namespace, labels={"freeze": "true"})

    def said(kind: str) -> str:
        action = objects.action(namespace, kind)
        action["spec"]["requestedBy"] = api.user()
        return creation(api, action)

    with applied(api, "freeze"):
        settled(lambda: patching(api, item, {"spec": {"model": {"version": "2"}}}), f"namespace {namespace} is frozen")
        assert patching(api, item, {"spec": {"paused": True}}) == ""
        assert "is frozen" in said("Promote")
        assert (said("Hold"), said("Abort")) == ("", "")
    settled(lambda: patching(api, item, {"spec": {"model": {"version": "2"}}}), "")


def test_quota(api: ClusterApi, namespace: str) -> None:
    [quota] = documents(EXAMPLES / "quota.yaml")
    api.apply({**quota, "metadata": {**quota["metadata"], "namespace": namespace}})
    hard = quota["spec"]["hard"]
    # No controller counts here; admission goes by what the status says all the same.
    for used, words in (("199", ""), ("200", "exceeded quota: serin")):
        status = {"hard": hard, "used": {**dict.fromkeys(hard, "0"), "count/promotionactions.serin.dev": used}}
        api.merge("v1", "ResourceQuota/status", "serin", namespace=namespace, patch={"status": status})
        action = objects.action(namespace)
        action["spec"]["requestedBy"] = api.user()
        settled(lambda action=action: creation(api, action), words)  # type: ignore[misc]
