"""How often, how many at a time, with what: one Prometheus asked by many."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import pytest

from serin.errors import MetricsError, MetricsUnavailable
from serin.prometheus.server import decoding, session
from serin.prometheus.server.client import QueryStats, Result
from serin.prometheus.server.credentials import Server
from tests.clock import START
from tests.faulty import (
    GOOD,
    MOST,
    QUERY,
    SHORT,
    FaultyServer,
    Handler,
    Script,
    asking,
    is_told,
    says,
    silent,
)

HTML = b"<html>Sign in</html>"


async def test_one_bad_answer_costs_nothing() -> None:
    left = [says(200, GOOD), says(503)]

    def next_one(handler: Handler) -> None:
        left.pop()(handler)

    with FaultyServer(next_one) as faulty:
        async with asking(Server(url=faulty.url)) as prometheus:
            assert len(await prometheus.matrix(QUERY, START)) == 1
    assert left == []


@pytest.mark.parametrize(
    ("script", "asked"),
    [
        pytest.param(says(503), 2, id="503"),
        pytest.param(says(429, Retry_After="0"), 2, id="429"),
        pytest.param(says(429, Retry_After="9"), 1, id="429 that wants more time than there is"),
        pytest.param(says(400), 1, id="a rejected query"),
        pytest.param(says(200, HTML), 1, id="a login page"),
        pytest.param(silent, 1, id="a time-out that used the deadline up"),
    ],
)
async def test_how_often_a_server_is_asked(script: Script, asked: int) -> None:
    with FaultyServer(script) as faulty:
        async with asking(Server(url=faulty.url), deadline=2) as prometheus:
            with pytest.raises(MetricsError):
                await prometheus.matrix(QUERY, START)
        assert len(faulty.requests) == asked


async def test_what_is_asked() -> None:
    with FaultyServer(says(200, GOOD)) as faulty:
        async with asking(Server(url=f"{faulty.url}/prom")) as prometheus:
            await prometheus.matrix("up[1m]", START)
    [request] = faulty.requests
    assert request.line == "POST /prom/api/v1/query"
    assert request.body.decode() == f"query=up%5B1m%5D&time={START.timestamp():.3f}&timeout=4500ms"


async def test_at_most_so_many_at_a_time_and_the_others_do_not_wait_for_ever() -> None:
    with FaultyServer(silent) as faulty:
        async with asking(Server(url=faulty.url), SHORT) as prometheus:
            found = await asyncio.gather(*(prometheus.matrix(QUERY, START) for _ in range(12)), return_exceptions=True)
            assert all(isinstance(one, MetricsUnavailable) for one in found)
        assert len(faulty.requests) <= 4, "two under way, two more, and then the server is left alone"


async def test_a_server_that_is_down_is_left_alone_and_probed() -> None:
    now = 0.0
    with FaultyServer(says(503)) as faulty:
        async with asking(Server(url=faulty.url), clock=lambda: now) as prometheus:
            for _ in range(3):
                with pytest.raises(MetricsUnavailable):
                    await prometheus.matrix(QUERY, START)
            asked = len(faulty.requests)
            with pytest.raises(MetricsUnavailable) as caught:
                await prometheus.matrix(QUERY, START)
            is_told(str(caught.value), Server(url=faulty.url), "failed 3 times or more in a row; next try within 1 s")
            assert len(faulty.requests) == asked
            now, faulty.script = 1.0, says(200, GOOD)
            assert len(await prometheus.matrix(QUERY, START)) == 1


async def test_a_long_query_is_cut() -> None:
    with FaultyServer(says(503, b"x" * 5000)) as faulty:
        async with asking(Server(url=faulty.url)) as prometheus:
            with pytest.raises(MetricsUnavailable) as caught:
                await prometheus.matrix("a\n" * 3000, START)
    assert str(caught.value).endswith(" a a…")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("script", "result", "size", "series"),
    [
        pytest.param(says(200, GOOD), Result.OK, len(GOOD), 1, id="well"),
        pytest.param(says(400, b"bad"), Result.REJECTED, 3, 0, id="rejected"),
        pytest.param(says(503, b"no"), Result.UNAVAILABLE, 2 * 2, 0, id="unavailable, twice"),
        pytest.param(says(200, HTML), Result.MALFORMED, len(HTML), 0, id="a login page"),
        pytest.param(says(200, b"x" * 200_000), Result.TOO_LARGE, MOST, 0, id="too large"),
    ],
)
async def test_every_query_is_told_with_what_it_cost(script: Script, result: Result, size: int, series: int) -> None:
    told: list[QueryStats] = []
    with FaultyServer(script) as faulty:
        async with asking(Server(url=faulty.url), on_query=told.append) as prometheus:
            with contextlib.suppress(MetricsError):
                await prometheus.matrix(QUERY, START)
    [asked] = told
    assert (asked.server, asked.result, asked.size, asked.series) == (faulty.url, result, size, series)
    assert not asked.left_alone
    assert asked.seconds > 0


@contextlib.contextmanager
def large_ones_wait() -> Iterator[None]:
    """Somebody else's large answer is being read for as long as the block lasts."""
    with decoding._LARGE_SLOT:
        yield


async def test_waiting_for_a_turn_to_read_is_no_failure_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "LARGE", len(GOOD) + 1)
    monkeypatch.setattr(session, "SLACK", 0.0)
    told: list[QueryStats] = []
    with FaultyServer(says(200, GOOD + b" ")) as faulty:
        async with asking(Server(url=faulty.url), deadline=0.3, on_query=told.append) as prometheus:
            with large_ones_wait():
                large = asyncio.create_task(prometheus.matrix(QUERY, START))
                done, _ = await asyncio.wait({large}, timeout=0.6)
                assert not done, "the answer came in time, whenever it is read"
            assert len(await large) == 1
        assert len(faulty.requests) == 1
    assert [asked.result for asked in told] == [Result.OK]


async def test_small_answers_pass_large_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "LARGE", len(GOOD) + 1)
    with large_ones_wait(), FaultyServer(says(200, GOOD)) as faulty:
        async with asking(Server(url=faulty.url)) as prometheus:
            assert len(await asyncio.wait_for(prometheus.matrix(QUERY, START), 5)) == 1
            faulty.script = says(503, HTML * 10)
            with pytest.raises(MetricsUnavailable, match="503"):  # however large an error is, it is not taken apart
                await asyncio.wait_for(prometheus.matrix(QUERY, START), 5)


async def test_a_query_that_nobody_waits_for_says_nothing_about_the_server() -> None:
    told: list[QueryStats] = []
    arrived = threading.Event()

    def script(handler: Handler) -> None:
        arrived.set()
        silent(handler)

    with FaultyServer(script) as faulty:
        async with asking(Server(url=faulty.url), SHORT, on_query=told.append) as prometheus:
            query = asyncio.create_task(prometheus.matrix(QUERY, START))
            assert await asyncio.to_thread(arrived.wait, 5)
            query.cancel()
            with pytest.raises(asyncio.CancelledError):
                await query
    assert [asked.result for asked in told] == [Result.CANCELLED]


async def test_queries_that_nobody_sends_are_told_too() -> None:
    told: list[QueryStats] = []
    with FaultyServer(says(503)) as faulty:
        async with asking(Server(url=faulty.url), on_query=told.append, clock=lambda: 0.0) as prometheus:
            for _ in range(4):
                with contextlib.suppress(MetricsError):
                    await prometheus.matrix(QUERY, START)
    assert [asked.result for asked in told] == [*3 * [Result.UNAVAILABLE], Result.NOT_ASKED]
    assert [asked.left_alone for asked in told] == [False, False, True, True]
