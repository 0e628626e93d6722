from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from e2e.sandbox.node.probe import Checks, Prober, ProbeResult, ProbeTiming, Streak, http_client
from e2e.sandbox.node.process import Process


def timing(successes: int = 1, failures: int = 3, period: float = 0.01) -> ProbeTiming:
    return ProbeTiming(initial_delay=0, period=period, timeout=1, successes=successes, failures=failures)


def test_defaults_are_those_of_kubernetes() -> None:
    assert ProbeTiming.of({}) == ProbeTiming(0, 10, 1, 1, 3)
    assert ProbeTiming.of({"initialDelaySeconds": 5, "periodSeconds": 1}).initial_delay == 5


@pytest.mark.parametrize(
    ("answers", "changes"),
    [
        ("+", [True]),
        ("+++", [True]),
        ("--", []),
        ("---", [False]),
        ("+--+", [True]),
        ("+---", [True, False]),
        ("+---+", [True, False, True]),
        ("------", [False]),
    ],
)
def test_only_enough_equal_answers_in_a_row_change_the_state(answers: str, changes: list[bool]) -> None:
    streak = Streak(timing())
    seen = [streak.state for answer in answers if streak.add(ok=answer == "+")]
    assert seen == changes


def test_a_success_threshold_counts_as_well() -> None:
    streak = Streak(timing(successes=2))
    assert [streak.add(ok=ok) for ok in (True, False, True, True)] == [False, False, False, True]


async def run(prober: Prober, enough: asyncio.Event) -> tuple[list[bool], list[str]]:
    changes: list[bool] = []
    failures: list[str] = []

    async def on_change(result: ProbeResult) -> None:
        changes.append(result.ok)
        enough.set()

    task = asyncio.create_task(prober.run(on_change, failures.append))
    async with asyncio.timeout(5):
        await enough.wait()
    task.cancel()
    return changes, failures


async def test_failures_count_once_per_period_although_eager_looks_are_more_frequent() -> None:
    looks, enough = 0, asyncio.Event()

    async def check() -> ProbeResult:
        nonlocal looks
        looks += 1
        return ProbeResult(ok=looks == 4, reason="not yet")

    changes, failures = await run(Prober(timing(failures=2, period=60), check, eager=True), enough)
    assert changes == [True]
    assert failures == ["not yet"], "only the first of three bad looks fell on the period"


async def test_a_check_that_hangs_is_a_failure() -> None:
    async def check() -> ProbeResult:
        await asyncio.Event().wait()
        return ProbeResult(ok=True)

    short = ProbeTiming(initial_delay=0, period=0.01, timeout=0.01, successes=1, failures=2)
    changes, failures = await run(Prober(short, check, eager=False), asyncio.Event())
    assert changes == [False]
    assert failures[0] == "no answer within 0.01 s"


@pytest.fixture
async def port() -> object:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=int(request.match_info["status"]))

    app = web.Application()
    app.router.add_get("/{status}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


NO_PROCESS = Process.__new__(Process)


@pytest.mark.parametrize(("status", "ok"), [(200, True), (302, True), (404, False), (503, False)])
async def test_http(port: int, status: int, ok: bool) -> None:  # noqa: FBT001
    async with http_client() as client:
        checks = Checks(client, "127.0.0.1", {"web": port})
        result = await checks.of({"httpGet": {"port": "web", "path": f"/{status}"}}, NO_PROCESS, 1)()
    assert result.ok is ok
    assert ok or result.reason == f"HTTP probe failed with statuscode: {status}"


async def test_tcp_and_nobody_there(port: int) -> None:
    async with http_client() as client:
        checks = Checks(client, "127.0.0.1", {})
        assert (await checks.of({"tcpSocket": {"port": port}}, NO_PROCESS, 1)()).ok
        refused = await checks.of({"tcpSocket": {"port": 1}}, NO_PROCESS, 1)()
        assert not refused.ok
        assert "dial tcp 127.0.0.1:1" in refused.reason
        assert not (await checks.of({"httpGet": {"port": 1}}, NO_PROCESS, 1)()).ok
