from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from e2e.load import Answer, BackgroundLoad, LoadPlan, LoadReport, read_log
from e2e.load.client import PredictionClient, answered_by, infer_body
from e2e.load.generator import drive

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Handler], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    runners: list[web.AppRunner] = []

    async def start(handler: Handler) -> str:
        app = web.Application()
        app.router.add_post("/v2/models/fraud/infer", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


def plan(url: str, *, rate: float = 200, limit: int = 50, timeout: float = 2) -> LoadPlan:
    return LoadPlan(url, "fraud.example.com", "fraud", infer_body([1.0, 2.0]), rate=rate, limit=limit, timeout=timeout)


async def driven(load: LoadPlan, seconds: float) -> tuple[list[Answer], LoadReport]:
    answers: list[Answer] = []
    report, stop = LoadReport(), asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    await drive(load, answers.append, stop, report)
    return answers, report


async def test_keeps_its_pace_although_answers_are_slow(serve: Serve) -> None:
    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(0.2)
        assert request.headers["Host"] == "fraud.example.com"
        return web.json_response({"model_version": "7"})

    answers, report = await driven(plan(await serve(slow), rate=100), 1.0)
    assert len(answers) > 20, "one request after the other would be five"
    assert report.sent == len(answers)
    assert {(a.status, a.version) for a in answers} == {(200, "7")}
    assert all(a.seconds >= 0.2 for a in answers)


async def test_leaves_requests_out_when_too_many_are_in_flight_and_says_so(serve: Serve) -> None:
    release = asyncio.Event()

    async def stuck(_: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    load = plan(await serve(stuck), rate=100, limit=5)
    asyncio.get_running_loop().call_later(0.6, release.set)
    answers, report = await driven(load, 0.5)
    assert report.sent == len(answers) == 5
    assert report.left_out > 20
    assert not report.kept_pace
    assert "left out" in report.sentence


async def test_an_error_answer_is_that_of_the_version_in_its_header(serve: Serve) -> None:
    async def broken(_: web.Request) -> web.Response:
        return web.Response(status=500, text="no json", headers={"x-model-version": "3"})

    answers, _ = await driven(plan(await serve(broken)), 0.1)
    assert {(a.status, a.version, a.failed) for a in answers} == {(500, "3", True)}


async def test_failures_to_answer_are_rows_like_all_others(serve: Serve) -> None:
    async def stuck(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    async with PredictionClient(await serve(stuck), "x", "fraud", b"", limit=1, timeout=0.05) as client:
        assert await client.ask() == (0, "", "TimeoutError")
    async with PredictionClient("http://127.0.0.1:1", "x", "fraud", b"", limit=1, timeout=1) as client:
        assert await client.ask() == (0, "", "ClientConnectorError")


@pytest.mark.parametrize(
    ("header", "body", "version"),
    [
        pytest.param("2", b'{"model_version": "1"}', "2", id="the header goes first"),
        pytest.param(None, b'{"model_version": "1"}', "1", id="else the body"),
        pytest.param(None, b'{"outputs": []}', "", id="a body without version"),
        pytest.param(None, b"[1]", "", id="a body that is no object"),
        pytest.param(None, b"no healthy upstream", "", id="a body that is no JSON"),
        pytest.param(None, b"\xff\xfe\xfa", "", id="a body that is no text"),
    ],
)
def test_who_answered(header: str | None, body: bytes, version: str) -> None:
    assert answered_by(header, body) == version


async def test_runs_beside_the_program_and_leaves_a_whole_log(serve: Serve, tmp_path: Path) -> None:
    async def fine(_: web.Request) -> web.Response:
        return web.json_response({"model_version": "1"})

    url = await serve(fine)

    def beside() -> BackgroundLoad:
        with BackgroundLoad(plan(url), tmp_path / "load.csv") as load:
            deadline = time.monotonic() + 5
            while load.report.sent < 40 and time.monotonic() < deadline:
                time.sleep(0.01)
            load.check()
        return load

    load = await asyncio.to_thread(beside)
    assert load.report.sent >= 40
    assert len(list(read_log(load.log))) == load.report.sent
    assert load.live.totals()["1"].total == load.report.sent


async def test_an_error_beside_it_ends_the_load_at_once(serve: Serve, tmp_path: Path) -> None:
    async def stuck(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    url = await serve(stuck)

    def beside() -> None:
        with BackgroundLoad(plan(url, timeout=30), tmp_path / "load.csv") as load:
            while load.report.sent < 3:
                time.sleep(0.01)
            raise KeyError

    start = time.monotonic()
    with pytest.raises(KeyError):
        await asyncio.to_thread(beside)
    assert time.monotonic() - start < 3


def test_what_ends_the_load_is_raised_where_it_was_started(tmp_path: Path) -> None:
    load = BackgroundLoad(plan("http://127.0.0.1:1"), tmp_path / "no such folder" / "load.csv")
    with pytest.raises(RuntimeError, match="load generator failed"), load:
        pass
