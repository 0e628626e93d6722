from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from e2e.sandbox.node.logs import ContainerLog, LogRequest, LogRequestError, LogServer, pod_folder, prune

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    Client = TestClient[web.Request, web.Application]


def test_the_last_two_runs_are_kept(tmp_path: Path) -> None:
    log = ContainerLog(tmp_path / "c")
    for run in range(12):
        log.start(run).write_text(f"run {run}")
    assert sorted(file.name for file in (tmp_path / "c").iterdir()) == ["10.log", "11.log"]
    newest, previous = log.newest(), log.newest(previous=True)
    assert newest is not None
    assert previous is not None
    assert (newest.read_text(), previous.read_text()) == ("run 11", "run 10")


def test_the_tail_is_what_a_kubelet_reports(tmp_path: Path) -> None:
    log = ContainerLog(tmp_path)
    assert not log.tail()
    log.start(0).write_text("".join(f"line {number}\n" for number in range(200)))
    assert len(log.tail().splitlines()) == 80
    log.start(0).write_text("x" * 5000)
    assert len(log.tail()) == 2048


def test_only_the_newest_pods_keep_their_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("e2e.sandbox.node.logs._KEPT_PODS", 2)
    for number in range(4):
        (tmp_path / str(number)).mkdir()
    prune(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("query", [{"sinceSeconds": "1"}, {"timestamps": "true"}, {"tailLines": "x"}])
def test_what_files_cannot_answer_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(LogRequestError):
        LogRequest.of(query)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    folder = pod_folder(tmp_path, "n", "p", "u") / "c"
    log = ContainerLog(folder)
    log.start(0).write_text("old\n")
    log.start(1).write_text("one\ntwo\nthree\n")
    async with TestClient(TestServer(LogServer(tmp_path).application())) as made:
        yield made


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", "one\ntwo\nthree\n"),
        ("?tailLines=2", "two\nthree\n"),
        ("?tailLines=0", ""),
        ("?limitBytes=5", "one\nt"),
        ("?previous=true", "old\n"),
    ],
)
async def test_logs_over_http(client: Client, query: str, text: str) -> None:
    response = await client.get(f"/containerLogs/n/p/c{query}")
    assert response.status == 200
    assert await response.text() == text


async def test_following_shows_new_lines_and_ends_with_the_next_run(client: Client, tmp_path: Path) -> None:
    log = ContainerLog(pod_folder(tmp_path, "n", "p", "u") / "c")
    response = await client.get("/containerLogs/n/p/c?follow=true&tailLines=0")
    with log.start(1).open("a") as file:
        file.write("four\n")
    assert await response.content.readline() == b"four\n"
    log.start(2).write_text("of the next run\n")
    assert await response.text() == ""


@pytest.mark.parametrize(("path", "status"), [("n/p/no", 404), ("n/no/c", 404), ("n/p/c?sinceSeconds=3", 400)])
async def test_requests_that_cannot_be_answered(client: Client, path: str, status: int) -> None:
    assert (await client.get(f"/containerLogs/{path}")).status == status
