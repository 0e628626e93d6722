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
from serin.cluster.answers import error_for
from serin.cluster.client import Call, KubernetesCluster
from serin.cluster.connection import ClusterCredentials
from serin.errors import ClusterError, Conflict, Expired, NotFound, Refused, Unavailable

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
        ("GET", f"{POLICIES}?labelSelector=a%3Db&limit=20"),
        ("POST", f"{POLICIES}?fieldManager=serin&dryRun=All"),
        ("PATCH", f"{POLICIES}/x?fieldManager=serin&force=true"),
        ("PATCH", f"{POLICIES}/x?fieldManager=serin"),
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


async def test_only_the_object_that_is_known_is_deleted(server: tuple[Server, KubernetesCluster]) -> None:
    """L8: another one may have its name by now."""
    fake, cluster = server
    fake.answers = [(200, {}), (409, {"message": "the UID in the precondition does not match"}), (200, {})]
    await cluster.delete(resources.PODS, "prod", "x", uid="u1")
    with pytest.raises(Conflict):
        await cluster.delete(resources.PODS, "prod", "x", uid="u1")
    await cluster.delete(resources.PODS, "prod", "x")
    preconditions = [body.get("preconditions") for _, _, _, body in fake.asked]
    assert preconditions == [{"uid": "u1"}, {"uid": "u1"}, None]


@pytest.mark.parametrize("name", [".", "..", ""])
async def test_a_name_that_is_a_step_in_a_path_reads_nothing(
    server: tuple[Server, KubernetesCluster], name: str
) -> None:
    """M1: `.` read the whole collection in place of an object."""
    fake, cluster = server
    with pytest.raises(NotFound):
        await cluster.get(resources.MODEL_DEPLOYMENTS, "prod", name)
    with pytest.raises(NotFound):
        await cluster.merge(resources.MODEL_DEPLOYMENTS, "prod", name, {})
    assert fake.asked == []


def listed(names: str, token: str = "", padding: int = 0) -> tuple[int, Any]:
    items = [{"metadata": {"name": name, "annotations": {"x": "y" * padding}}} for name in names]
    return 200, {"metadata": {"continue": token}, "items": items}


async def test_a_list_is_read_in_pages_of_a_size_in_bytes(server: tuple[Server, KubernetesCluster]) -> None:
    fake, cluster = server
    fake.answers = [listed("ab", "t 1", 1_000_000), listed("cdef", "t2"), listed("g")]
    found = await cluster.list(resources.PODS, "prod", "a=b")
    assert "".join(obj["metadata"]["name"] for obj in found) == "abcdefg"
    assert [path.partition("?")[2] for _, path, _, _ in fake.asked] == [
        "labelSelector=a%3Db&limit=20",
        "labelSelector=a%3Db&limit=4&continue=t+1",
        "labelSelector=a%3Db&limit=500&continue=t2",
    ]


async def test_rows_are_read_in_pages_and_keep_the_columns_of_the_first(
    server: tuple[Server, KubernetesCluster],
) -> None:
    fake, cluster = server
    row = {"cells": ["a"], "object": {"metadata": {"name": "a"}}}
    fake.answers = [
        (200, {"metadata": {"continue": "t"}, "columnDefinitions": [{"name": "Name"}], "rows": [row]}),
        (200, {"metadata": {}, "rows": [row]}),
    ]
    rows = await cluster.list_rows(resources.PROMOTION_RECORDS, "prod", "")
    assert rows == [{"metadata": {"name": "a"}, "columns": {"Name": "a"}}] * 2


GONE = (410, {"message": "The provided continue parameter is too old", "metadata": {"continue": "newer"}})


async def test_a_list_that_the_server_forgot_is_begun_anew_once(server: tuple[Server, KubernetesCluster]) -> None:
    fake, cluster = server
    fake.answers = [listed("a", "t"), GONE, listed("b", "t"), listed("c")]
    found = await cluster.list(resources.PODS, "prod", "")
    assert [obj["metadata"]["name"] for obj in found] == ["b", "c"], "a list that is kept is of one moment"
    fake.answers = [listed("a", "t"), GONE, listed("b", "t"), GONE]
    with pytest.raises(Expired) as caught:
        await cluster.list(resources.PODS, "prod", "")
    assert caught.value.token == "newer"


async def test_a_list_that_is_too_large_is_refused_in_words(
    server: tuple[Server, KubernetesCluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    """M2: what takes the process's memory away stops every tenant."""
    monkeypatch.setattr("serin.cluster.paging.MOST_BYTES", 2 * 2**20)
    fake, cluster = server
    fake.answers = [listed("ab", "t", 900_000), listed("cd", "t", 900_000), listed("ef")]
    with pytest.raises(Refused, match="list pods: the list has more than 2 MiB; delete objects"):
        await cluster.list(resources.PODS, "prod", "")
    assert len(fake.answers) == 1


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


async def test_every_request_is_told_with_its_verb_and_code(
    server: tuple[Server, KubernetesCluster],
) -> None:
    fake, cluster = server
    told: list[Call] = []
    cluster._on_call = told.append
    fake.answers = [(200, {}), (404, {"message": "no"})]
    await cluster.get(resources.PROMOTION_POLICIES, "prod", "a")
    with pytest.raises(NotFound):
        await cluster.get(resources.PROMOTION_POLICIES, "prod", "b")
    fake.hang = True
    with pytest.raises(Unavailable):
        await cluster.create(resources.PROMOTION_POLICIES, "prod", {})
    assert [(call.verb, call.code) for call in told] == [("get", 200), ("get", 404), ("post", 0)]
    assert told[-1].seconds >= 0.5
