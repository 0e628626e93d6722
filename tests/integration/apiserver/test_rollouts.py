"""Who has a rollout under way, read from a real API server with the operator's own rights."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from e2e.deploy import ClusterApi
from serin.api import API_VERSION
from serin.api.status import ModelDeploymentStatus
from serin.cluster.client import KubernetesCluster
from serin.cluster.connection import connect
from serin.controller.snapshot.rollouts import Rollouts
from serin.rollout.concurrency.turns import Limits, Turn
from tests.integration.apiserver import objects

if TYPE_CHECKING:
    from e2e.deploy.cluster import Json
    from e2e.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.apiserver
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def status(phase: str, reason: str, minute: int) -> Json:
    """A ModelDeployment with a rollout of version 2."""
    service = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "name": "x"}
    started = f"2026-11-25T10:{minute:02}:00Z"
    told = {"reason": reason, "message": "", "since": started}
    return {
        "observedGeneration": 1,
        "phase": phase,
        **told,
        "stable": {"revision": "aaaaaaaa", "version": "1", "workload": service},
        "candidate": {"revision": "bbbbbbbb", "version": "2", "workload": service},
        "rollout": {"record": "x-1", "startedAt": started, **told},
    }


def test_it_reads_who_runs_and_who_waits_of_every_namespace(
    api: ClusterApi, sandbox: Sandbox, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {
        "runs": status("Progressing", "CollectingEvidence", 0),
        "older": status("Waiting", "WaitingForTurn", 1),
        "gated": status("Waiting", "WaitingForApproval", 1),
        "back": status("RollingBack", "SLOBreached", 1),
        "own": status("Waiting", "WaitingForTurn", 5),
    }
    for name, told in found.items():
        item = objects.model_deployment(namespace)
        item["metadata"]["name"] = name
        item["spec"]["route"]["hostnames"] = [f"{name}.{namespace}.example.com"]
        api.apply(item)
        api.merge(API_VERSION, "ModelDeployment/status", name, namespace=namespace, patch={"status": told})
    from e2e.deploy import install

    monkeypatch.setenv("KUBECONFIG", str(sandbox.kubeconfig_for(*install(api))))
    own = ModelDeploymentStatus.model_validate(found["own"])

    async def ask(limits: Limits) -> Turn:
        async with connect() as (cluster, _):
            assert isinstance(cluster, KubernetesCluster)
            rollouts = Rollouts(cluster, limits, ())
            await rollouts.refresh((namespace, "own"), own, NOW)
            turn = rollouts.turn((namespace, "own"), own, NOW)
            assert isinstance(turn, Turn)
            return turn

    obstacle = asyncio.run(ask(Limits(2, 0))).obstacle
    assert f"under way: {namespace}/runs since 2026-11-25T10:00:00Z" in obstacle
    assert f"before it wait {namespace}/older since 2026-11-25T10:01:00Z" in obstacle
    assert "gated" not in obstacle
    assert "back" not in obstacle
    assert asyncio.run(ask(Limits(3, 0))) == Turn()
