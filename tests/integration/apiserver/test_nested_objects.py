"""The API server stores what is nested more deeply than Python decodes: who reads it reads the rest of the list."""

from __future__ import annotations

import asyncio
import json

import pytest

from e2e.deploy import ClusterApi, install
from e2e.sandbox.sandbox import Sandbox
from serin.cluster import resources
from serin.cluster.connection import connect
from tests.integration.apiserver import objects

pytestmark = pytest.mark.apiserver
LEVELS = 5_000


def test_one_deep_object_hides_none_of_the_others(
    sandbox: Sandbox, api: ClusterApi, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without ``cluster/decoding.py`` no list of ModelDeployments of all namespaces can be read any more."""
    kubeconfig = str(sandbox.kubeconfig_for(*install(api)))
    monkeypatch.setenv("KUBECONFIG", kubeconfig)
    item = objects.model_deployment(namespace)
    path = api._path(item["apiVersion"], item["kind"], namespace)

    async def read() -> list[list[str]]:
        async with connect() as (cluster, _):
            whole = await cluster.list(resources.MODEL_DEPLOYMENTS, namespace, "")
            rows = await cluster.list_rows(resources.MODEL_DEPLOYMENTS, namespace, "")
            assert await cluster.get(resources.MODEL_DEPLOYMENTS, namespace, "deep")
            return [sorted(one["metadata"]["name"] for one in found) for found in (whole, rows)]

    try:
        for name in ("before", "deep", "later"):
            item["metadata"]["name"] = name
            text = json.dumps(item)
            if name == "deep":
                text = text.replace('"sklearn"', '{"a":' * LEVELS + "1" + "}" * LEVELS)
            sent = api._client.post(path, content=text, headers={"Content-Type": "application/json"})
            assert sent.status_code == 201, sent.text[:300]
        assert asyncio.run(read()) == 2 * [["before", "deep", "later"]]
    finally:  # the tests' own client could not read it, either
        api._client.delete(f"{path}/deep")
