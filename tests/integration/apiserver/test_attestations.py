"""An attestation in a ConfigMap or a Secret, read with the operator's own rights: refused, then by name only."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import pytest

from e2e.deploy import ClusterApi, install, rights
from serin.cluster.connection import connect
from serin.controller.snapshot.gate_facts.attestation import Question, read_attestation
from serin.policy_gates.answer import Fact, Unknown
from serin.policy_gates.upstream import NotSo, Proven, Upstream
from tests.attestations import DIGEST, FILE, proof
from tests.clock import START

if TYPE_CHECKING:
    from e2e.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.apiserver
SOURCES: dict[str, tuple[str, dict[str, Any]]] = {
    "configmaps": ("ConfigMap", {"configMap": "proofs"}),
    "secrets": ("Secret", {"configMap": None, "secret": "proofs"}),
}


@pytest.mark.parametrize("resource", SOURCES)
def test_it_is_read_by_name_where_the_chart_says_so(
    api: ClusterApi, sandbox: Sandbox, namespace: str, resource: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(sandbox.kubeconfig_for(*install(api))))
    kind, source = SOURCES[resource]
    gate = Upstream.model_validate({"attestation": FILE | source})

    def read() -> Fact:
        async def ask() -> Fact:
            async with connect() as (cluster, _):
                return await read_attestation(cluster, gate, Question(namespace, DIGEST, START))

        return asyncio.run(ask())

    refused = read()
    assert isinstance(refused, Unknown)
    assert refused.needs_person
    assert "name it in the chart's attestations." in refused.why
    for item in rights.may_read(namespace, resource, "proofs"):
        api.apply(item)
    absent = read()
    assert isinstance(absent, NotSo)
    assert "is not there yet" in absent.why
    text = base64.b64encode(proof().encode()).decode() if kind == "Secret" else proof()
    for name in ("proofs", "other"):
        item = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}}
        api.apply(item | {"data": {"fraud.json": text}})
    assert isinstance(read(), Proven)
    gate = Upstream.model_validate({"attestation": FILE | {key: value and "other" for key, value in source.items()}})
    assert isinstance(read(), Unknown), "another name is refused as before"
