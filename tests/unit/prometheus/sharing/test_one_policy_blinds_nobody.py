"""One policy's slow expressions, beside rollouts that count: the real client, breaker and slots, a made-up transport.

Nothing waits here: a query that Prometheus gives up on lasts until the test lets the clock pass.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from serin.errors import MetricsUnavailable
from serin.prometheus.series_request import SeriesRequest, Shape
from serin.prometheus.server import answer
from serin.prometheus.server.answer import Answer
from serin.prometheus.server.client import PROBE, Prometheus, QueryStats, Result
from serin.prometheus.server.credentials import Server
from serin.prometheus.server.question import Purpose, Question
from serin.prometheus.server.redaction import Redactor
from serin.prometheus.sharing.shared import NamespaceMetrics, Shared
from tests.faulty import body

T0 = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
WINDOW = timedelta(seconds=15)
GAUGES = 32
SERVER = Server(url="http://prometheus:9090")
TENANTS = Server.model_validate({"url": "http://mimir", "tenant": {"fromNamespace": True}})
COUNTED = body(
    [{"metric": {"__name__": "m", "arm": "a"}, "values": [[T0.timestamp() + t, str(t)] for t in range(600)]}]
)
VALUE = body([{"metric": {}, "value": [T0.timestamp(), "1"]}], kind="vector")


class Transport:
    """Answers at once; an expression with ``slow`` in it is held until ``end`` and then given up, as by Prometheus."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self._changed = threading.Condition()
        self.end = threading.Event()
        self.is_dead: Callable[[Question], bool] = lambda _: False

    def ask(
        self, decode: Callable[[Answer], Any], question: Question, seconds: float, on_answer: Callable[[int], None]
    ) -> Any:
        with self._changed:
            self.asked.append(question)
            self._changed.notify_all()
        if self.is_dead(question):
            raise MetricsUnavailable("no connection: Connection refused")
        if "slow" in question.query:
            assert self.end.wait(30)
            raise MetricsUnavailable(f"status 503: query timed out in expression evaluation after {seconds:g} s")
        sent = COUNTED if decode is answer.matrix else VALUE
        on_answer(len(sent))
        return decode(Answer(200, sent, Redactor()))

    def until(self, done: Callable[[], bool]) -> bool:
        with self._changed:
            return self._changed.wait_for(done, 30)

    def close(self) -> None:
        self.end.set()

    def count(self, purpose: Purpose, namespace: str = "") -> int:
        return sum((one.purpose, one.namespace) == (purpose, namespace) for one in self.asked)


class World:
    """A server with its clock, and what became of each query."""

    def __init__(self, server: Server) -> None:
        self.now = 1000.0
        self.told: list[QueryStats] = []
        self.transport = Transport()
        # So short that there is no second try, after a pause: that has a test of its own.
        self.prometheus = Prometheus(server, deadline=0.3, clock=lambda: self.now, on_query=self.told.append)
        self.prometheus._transport.close()
        self.prometheus._transport = self.transport  # type: ignore[assignment]
        self.prometheus._limiter = _patient(self.prometheus._limiter)
        self.shared = Shared(self.prometheus, server, pause=lambda _: asyncio.sleep(0), clock=lambda: self.now)

    def of(self, namespace: str) -> NamespaceMetrics:
        return self.shared.of(namespace)

    async def until_asked(self, purpose: Purpose, namespace: str, times: int) -> None:
        def enough() -> bool:
            return self.transport.count(purpose, namespace) >= times

        assert await asyncio.to_thread(self.transport.until, enough)

    def release(self) -> None:
        """What is slow is given up by the server; what comes later is held again."""
        self.transport.end.set()


def _patient(limiter: Any) -> Any:
    limiter._seconds = 30.0
    return limiter


@asynccontextmanager
async def world(server: Server = SERVER) -> AsyncIterator[World]:
    own = World(server)
    try:
        yield own
    finally:
        own.prometheus.close()


def request(rollout: str, window: int, *, metric: str = "m", own: bool = False) -> SeriesRequest:
    start = T0 + window * WINDOW
    shape = Shape((), "arm", own)
    return SeriesRequest(shape, frozenset({metric}), frozenset(), ("a", rollout), start, start + WINDOW)


def tasks(ask: Callable[[str, datetime], Any], texts: list[str]) -> list[asyncio.Task[Any]]:
    return [asyncio.create_task(ask(text, T0)) for text in texts]


async def test_32_gauges_that_time_out_beside_three_rollouts_that_count() -> None:
    """The attack of one policy: until every gauge has failed, again and again, all counts are answered at once."""
    async with world() as here:
        attacker = here.of("attacker")
        for window in range(10):
            here.transport.end.clear()
            slow = tasks(attacker.values, [f"slow{n}" for n in range(GAUGES)])
            before = here.transport.count(Purpose.EXPRESSION, "attacker")
            await here.until_asked(Purpose.EXPRESSION, "attacker", before + 1)
            counts = await asyncio.gather(*(here.of(n).series(request(n, window)) for n in "abc"))
            assert [len(found) for found in counts] == 3 * [1]
            sums = await asyncio.gather(*(here.of(n).counted(f"(sum(m{n}))[1s:1s]", T0) for n in "abc"))
            assert [len(found) for found in sums] == 3 * [1]
            assert await here.of("neighbour").values("fast", T0) == [1.0]
            here.release()
            ends = await asyncio.gather(*slow, return_exceptions=True)
            assert {type(one) for one in ends} == {MetricsUnavailable}
            assert all("query timed out" in str(one) for one in ends), "each is told its own trouble, and no pause"
            here.now += WINDOW.total_seconds()
        assert here.transport.count(Purpose.EXPRESSION, "attacker") > 10 * GAUGES
        assert Result.NOT_ASKED not in {one.result for one in here.told}
        assert not any(one.left_alone for one in here.told)


async def test_heavy_selectors_of_one_policy_beside_three_rollouts_that_count() -> None:
    """A `ratio` over a million series was a count like the gateway's, and three of them paused everybody's."""
    async with world() as here:
        attacker = here.of("attacker")
        for window in range(10):
            here.transport.end.clear()
            # Raw samples, each in a shape of its own, and the sums that are asked for in place of too many of them.
            slow = [
                asyncio.create_task(attacker.series(request("r", window, metric=f"slow{n}", own=True)))
                for n in range(8)
            ]
            slow += [asyncio.create_task(attacker.counted(f"(sum(slow{n}))[1s:1s]", T0, own=True)) for n in range(8)]
            before = here.transport.count(Purpose.SELECTOR, "attacker")
            await here.until_asked(Purpose.SELECTOR, "attacker", before + 1)
            counts = await asyncio.gather(*(here.of(n).series(request(n, window)) for n in "abc"))
            assert [len(found) for found in counts] == 3 * [1]
            own = await asyncio.gather(*(here.of(n).series(request(n, window, own=True)) for n in "abc"))
            assert [len(found) for found in own] == 3 * [1], "the neighbours' own selectors go on as well"
            assert await here.of("neighbour").values("fast", T0) == [1.0]
            here.release()
            ends = await asyncio.gather(*slow, return_exceptions=True)
            assert {type(one) for one in ends} == {MetricsUnavailable}
            assert all("query timed out" in str(one) for one in ends), "each is told its own trouble, and no pause"
            here.now += WINDOW.total_seconds()
        assert Result.NOT_ASKED not in {one.result for one in here.told}
        assert not any(one.left_alone for one in here.told)


async def test_slow_gauges_and_slow_selectors_leave_counts_a_place() -> None:
    async with world() as here:
        slow = []
        for namespace in ("x", "y", "z"):
            slow += tasks(here.of(namespace).values, [f"slow{n}" for n in range(4)])
            slow.append(asyncio.create_task(here.of(namespace).series(request("r", 0, metric="slow", own=True))))
        for purpose in (Purpose.EXPRESSION, Purpose.SELECTOR):
            for namespace in ("x", "y"):
                await here.until_asked(purpose, namespace, 1)
        assert [len(await here.of(n).series(request(n, 0))) for n in "abc"] == 3 * [1]
        assert here.transport.count(Purpose.SELECTOR, "z") == 0
        here.release()
        assert {type(one) for one in await asyncio.gather(*slow, return_exceptions=True)} == {MetricsUnavailable}


async def test_no_policys_selector_is_joined_with_counts_or_with_another_namespaces() -> None:
    """What is one query fails as one."""
    async with world() as here:
        asked = [here.of(n).series(request(n, 0, own=own)) for n in ("one", "two") for own in (True, False)]
        asked.append(here.of("one").series(request("other", 0, own=True)))
        await asyncio.gather(*asked)
        sent = sorted((one.purpose.name, one.namespace, one.query.count("|")) for one in here.transport.asked)
        assert sent == [("COUNTS", "", 2), ("SELECTOR", "one", 2), ("SELECTOR", "two", 1)]


async def test_32_gauges_of_one_namespace_hold_one_place() -> None:
    async with world() as here:
        slow = tasks(here.of("attacker").values, [f"slow{n}" for n in range(GAUGES)])
        slow += tasks(here.of("attacker").samples, [f"slow{n}[1m]" for n in range(GAUGES)])
        await here.until_asked(Purpose.EXPRESSION, "attacker", 1)
        for namespace in ("a", "b", "c"):
            assert await asyncio.gather(*(here.of(namespace).values(f"fast{n}", T0) for n in range(8))) == 8 * [[1.0]]
        assert here.transport.count(Purpose.EXPRESSION, "attacker") == 1
        here.release()
        assert {type(one) for one in await asyncio.gather(*slow, return_exceptions=True)} == {MetricsUnavailable}


async def test_namespaces_take_turns() -> None:
    """Two that attack take both places; each gauge of theirs that ends lets somebody else in first."""
    async with world() as here:
        slow = [task for n in ("x", "y") for task in tasks(here.of(n).values, [f"slow{i}" for i in range(GAUGES)])]
        for namespace in ("x", "y"):
            await here.until_asked(Purpose.EXPRESSION, namespace, 1)
        third = asyncio.create_task(here.of("third").values("fast", T0))
        for _ in range(20):
            await asyncio.sleep(0)
        assert here.transport.count(Purpose.EXPRESSION, "third") == 0
        here.release()
        assert await third == [1.0]
        assert here.transport.count(Purpose.EXPRESSION, "x") + here.transport.count(Purpose.EXPRESSION, "y") < 8
        await asyncio.gather(*slow, return_exceptions=True)


async def test_counts_that_fail_are_probed_by_serin_and_by_nobodys_query() -> None:
    async with world() as here:
        here.transport.is_dead = lambda question: question.purpose is Purpose.COUNTS
        for window in range(3):
            with pytest.raises(MetricsUnavailable):
                await here.of("a").series(request("a", window))
        asked = len(here.transport.asked)
        with pytest.raises(MetricsUnavailable, match="next try within 1 s"):
            await here.of("a").series(request("a", 4))
        assert len(here.transport.asked) == asked
        assert await here.of("b").values("fast", T0) == [1.0], "and expressions are another matter"
        here.now += 1.0
        here.transport.is_dead = lambda _: False
        asked = len(here.transport.asked)
        assert len(await here.of("a").series(request("a", 5))) == 1
        assert [question.query == PROBE for question in here.transport.asked[asked:]] == [True, False]


async def test_a_server_that_is_away_is_left_alone_by_expressions_too() -> None:
    async with world() as here:
        here.transport.is_dead = lambda _: True
        for n in range(6):
            with pytest.raises(MetricsUnavailable):
                await here.of(f"team-{n}").values("fast", T0)
        assert [question.query for question in here.transport.asked] == ["fast", "fast", "fast", PROBE]
        assert [one.left_alone for one in here.told] == [False, False, False, True, True, True]


async def test_the_limits_of_one_tenant_are_that_tenants_trouble() -> None:
    async with world(TENANTS) as here:
        here.transport.is_dead = lambda question: question.namespace == "greedy"
        for window in range(4):
            with pytest.raises(MetricsUnavailable):
                await here.of("greedy").series(request("a", window))
            assert len(await here.of("modest").series(request("a", window))) == 1
        assert {one.namespace for one in here.transport.asked} == {"greedy", "modest"}


async def test_queries_of_two_tenants_are_never_one() -> None:
    async with world(TENANTS) as here:
        await asyncio.gather(*(here.of(n).series(request(r, 0)) for n in ("one", "two") for r in ("r1", "r2")))
        sent = sorted((one.namespace, "r1" in one.query, "r2" in one.query) for one in here.transport.asked)
        assert sent == [("one", True, True), ("two", True, True)]
    async with world() as here:
        await asyncio.gather(*(here.of(n).series(request(n, 0)) for n in ("one", "two")))
        assert len(here.transport.asked) == 1, "without tenants there is one query for all"


async def test_what_was_too_large_for_one_tenant_is_asked_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serin.prometheus.server.answer.MOST_SERIES", 0)
    async with world(TENANTS) as here:
        for namespace in ("one", "one", "two"):
            with pytest.raises(Exception, match="more than 0"):
                await here.of(namespace).series(request("a", 0))
        assert [one.namespace for one in here.transport.asked] == ["one", "two"]


async def test_expressions_carry_the_label_of_their_namespace_and_counts_do_not() -> None:
    server = Server.model_validate({"url": "http://p", "enforceLabel": "team"})
    async with world(server) as here:
        await here.of("one").values('max(x{team="two"}) / y', T0)
        await here.of("two").samples("x[1800s]", T0)
        await here.of("two").series(request("r", 0))
        await here.of("two").counted("(sum(m))[1s:1s]", T0)
        assert [question.query for question in here.transport.asked] == [
            'max({__name__="x",team="one",team="two"}) / {__name__="y",team="one"}',
            '{__name__="x",team="two"}[30m]',
            '{__name__=~"m",arm=~"a|r"}[16s]',
            "(sum(m))[1s:1s]",
        ]
