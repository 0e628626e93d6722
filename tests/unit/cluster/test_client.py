"""The Kubernetes client against a small HTTP server: what is sent, and which error each answer becomes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio import client
from kubernetes.aio.config.incluster_config import InClusterConfigLoader

from serin.cluster import resources
from serin.cluster.client import ClusterCredentials, KubernetesCluster, error_for
from serin.errors import ClusterError, Conflict, NotFound, Refused, Unavailable

POLICIES = "/apis/serin.dev/v1alpha1/namespaces/prod/promotionpolicies"


class Server:
    """Answers what it is told, in order, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, str, str, Any]] = []
        self.hang = False

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        content = request.headers.get("Content-Type", "")
        self.asked.append((request.method, request.path_qs, content, json.loads(body) if body else None))
        if self.hang:
            await asyncio.Event().wait()
        status, answer = self.answers.pop(0)
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return web.Response(status=status, text=text)


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, KubernetesCluster]]:
    fake = Server()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", fake.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    settings = client.Configuration()
    settings.host = f"http://127.0.0.1:{runner.addresses[0][1]}"
    api = client.ApiClient(settings)
    yield fake, KubernetesCluster(api, timeout=0.5)
    await api.close()  # type: ignore[no-untyped-call]
    await runner.cleanup()


async def test_reads_writes_and_their_content_types(server: tuple[Server, KubernetesCluster]) -> None:
    fake, cluster = server
    fake.answers = [(200, {"a": 1}), (200, {"items": [{"b": 2}]}), (201, {}), (200, {}), (200, {}), (200, {})]
    body = {"metadata": {"namespace": "prod", "name": "x"}}
    kind = resources.PROMOTION_POLICIES
    assert await cluster.get(kind, "prod", "x") == {"a": 1}
    assert await cluster.list(kind, "prod", "a=b") == [{"b": 2}]
    await cluster.create(kind, "prod", body, dry_run=True)
    await cluster.apply(kind, body, manager="serin")
    await cluster.merge(kind, "prod", "x", {"c": None})
    await cluster.update_status(kind, body)
    assert [(method, path) for method, path, _, _ in fake.asked] == [
        ("GET", f"{POLICIES}/x"),
        ("GET", f"{POLICIES}?labelSelector=a%3Db"),
        ("POST", f"{POLICIES}?dryRun=All"),
        ("PATCH", f"{POLICIES}/x?fieldManager=serin&force=true"),
        ("PATCH", f"{POLICIES}/x"),
        ("PUT", f"{POLICIES}/x/status"),
    ]
    assert [content.split(";")[0] for _, _, content, _ in fake.asked[3:5]] == [
        "application/apply-patch+yaml",
        "application/merge-patch+json",
    ]
    assert fake.asked[3][3] == body
    assert fake.asked[4][3] == {"c": None}


async def test_deleting_what_is_gone_is_fine(server: tuple[Server, KubernetesCluster]) -> None:
    fake, cluster = server
    fake.answers = [(404, {"message": "not found"})]
    await cluster.delete(resources.PODS, "prod", "x")
    assert fake.asked[0][:2] == ("DELETE", "/api/v1/namespaces/prod/pods/x")


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (404, {"message": "gone"}, NotFound),
        (409, {"message": "stale"}, Conflict),
        (422, {"message": "invalid: spec.x"}, Refused),
        (403, {"message": "may not"}, Refused),
        (200, "<html>", Unavailable),
    ],
)
async def test_answers_become_errors_by_reaction(
    server: tuple[Server, KubernetesCluster], status: int, answer: Any, kind: type[ClusterError]
) -> None:
    fake, cluster = server
    fake.answers = [(status, answer)] * 3
    with pytest.raises(kind):
        await cluster.get(resources.PODS, "prod", "x")


async def test_reads_are_tried_again_and_writes_are_not(server: tuple[Server, KubernetesCluster]) -> None:
    fake, cluster = server
    fake.answers = [(503, {}), (500, {}), (200, {"ok": 1}), (503, {})]
    assert await cluster.get(resources.PODS, "prod", "x") == {"ok": 1}
    with pytest.raises(Unavailable):
        await cluster.create(resources.PODS, "prod", {"metadata": {}})
    assert len(fake.asked) == 4


async def test_a_hanging_server_is_unavailable_in_bounded_time(server: tuple[Server, KubernetesCluster]) -> None:
    fake, cluster = server
    fake.hang = True
    with pytest.raises(Unavailable):
        await asyncio.wait_for(cluster.create(resources.PODS, "prod", {"metadata": {}}), 3)


async def test_what_the_server_quotes_is_told_without_credentials(server: tuple[Server, KubernetesCluster]) -> None:
    fake, cluster = server
    fake.answers = [(422, {"message": 'spec: Invalid value: "--api-key=hunter2": is not known'})]
    with pytest.raises(Refused, match="is not known") as caught:
        await cluster.create(resources.PODS, "prod", {"metadata": {}})
    assert "hunter2" not in str(caught.value)


def test_retry_after_is_passed_on() -> None:
    error = error_for(429, "slow down", {"Retry-After": "7"})
    assert isinstance(error, Unavailable)
    assert error.retry_after == 7.0


async def test_a_pods_token_is_told_without_its_scheme(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc.def")
    (tmp_path / "ca.crt").write_text("a certificate")
    settings = client.Configuration()
    loader = InClusterConfigLoader(  # type: ignore[no-untyped-call]
        token_filename=str(tmp_path / "token"),
        cert_filename=str(tmp_path / "ca.crt"),
        environ={"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"},
    )
    loader.load_and_set(settings)  # type: ignore[no-untyped-call]
    assert await ClusterCredentials(settings).token() == "abc.def"


async def test_a_kubeconfigs_token_is_told_without_its_scheme() -> None:
    settings = client.Configuration()
    settings.api_key["BearerToken"] = "Bearer abc.def"
    assert await ClusterCredentials(settings).token() == "abc.def"
