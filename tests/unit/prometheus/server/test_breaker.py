"""When is a server left alone, and for how long?"""

from __future__ import annotations

import asyncio

import pytest

from serin.errors import MalformedAnswer, MetricsError, MetricsUnavailable, QueryRejected
from serin.prometheus.server.answer import PartialAnswer
from serin.prometheus.server.breaker import FAILURES, LONGEST_PAUSE, LONGEST_WISH, Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Line:
    """A server behind a breaker, how often it was asked and probed, and what the probe finds."""

    def __init__(self, *, blames_query: bool = False) -> None:
        self.clock = Clock()
        self.breaker = Breaker(self.clock, blames_query=blames_query)
        self.asked = self.probes = 0
        self.probe_finds: MetricsError | None = None

    async def probe(self) -> None:
        self.probes += 1
        await asyncio.sleep(0)
        if self.probe_finds is not None:
            raise self.probe_finds

    async def call(self, error: MetricsError | None = None) -> str:
        """What is told; empty if all is well."""
        try:
            async with self.breaker.call(self.probe):
                self.asked += 1
                if error is not None:
                    raise error
        except MetricsError as told:
            return str(told)
        return ""

    async def fail(self, times: int = FAILURES) -> None:
        for _ in range(times):
            await self.call(MetricsUnavailable("503"))

    async def waits(self, retry_after: float | None = None) -> float:
        """Seconds until the server is probed again, and fails again."""
        begun, probes = self.clock.now, self.probes
        self.probe_finds = MetricsUnavailable("503", retry_after=retry_after)
        while self.probes == probes:
            self.clock.now += 0.25
            await self.call()
        return self.clock.now - begun


async def test_after_failures_in_a_row_nobody_asks_until_the_pause_is_over() -> None:
    line = Line()
    await line.fail()
    told = await line.call()
    assert told == "503 (failed 3 times or more in a row; next try within 1 s)"
    assert line.asked == FAILURES
    line.clock.now += 1.0
    assert await line.call() == ""
    await line.fail(FAILURES - 1)
    assert await line.call() == "", "it is well again: failures are counted from none"


async def test_pauses_grow_and_stay_short_enough_for_a_window_of_15_s() -> None:
    line = Line()
    await line.fail()
    assert [await line.waits() for _ in range(6)] == [1.0, 2.0, 4.0, 5.0, 5.0, 5.0]
    assert LONGEST_PAUSE <= LONGEST_WISH <= 15.0


async def test_the_words_stay_the_same_as_long_as_the_cause_does() -> None:
    """They stand in every rollout's status: new words would be a write of each of them."""
    line = Line()
    await line.fail()
    for _ in range(4):
        await line.waits()
    while line.clock.now < 1100:
        line.clock.now += 0.3
        assert (
            await line.call(MetricsUnavailable("503")) == "503 (failed 3 times or more in a row; next try within 5 s)"
        )


@pytest.mark.parametrize(
    "error",
    [QueryRejected("400"), MalformedAnswer("HTML"), PartialAnswer("a store is away"), None],
    ids=["rejected", "malformed", "partial", "well"],
)
async def test_an_answer_of_any_kind_shows_that_a_server_lives(error: MetricsError | None) -> None:
    line = Line()
    for _ in range(4):
        await line.fail(FAILURES - 1)
        await line.call(error)
    assert line.asked == 4 * FAILURES
    await line.fail()
    line.clock.now += 1.0
    line.probe_finds = error
    assert await line.call() == "", "to a probe, too"
    assert line.probes == 1


async def test_the_probe_is_serins_own_and_goes_before_whoever_comes_first() -> None:
    line = Line()
    await line.fail()
    line.clock.now += 1.0
    line.probe_finds = MetricsUnavailable("no connection")
    assert await line.call() == "no connection (failed 3 times or more in a row; next try within 2 s)"
    assert (line.asked, line.probes) == (FAILURES, 1), "a query that may be anybody's is not sent in its place"
    line.clock.now += 2.0
    line.probe_finds = None
    assert await line.call(MetricsUnavailable("too slow")) != ""
    assert not line.breaker.is_open, "what fails behind a probe that was answered is one failure, and no probe"
    assert await line.call() == ""


async def test_where_only_the_probe_is_answered_the_pauses_still_grow() -> None:
    """An overloaded server: its words stay the same, and it gets less and less to do."""
    line = Line()
    await line.fail()
    for pause in (1.0, 2.0, 4.0, 5.0, 5.0):
        asked, begun = line.asked, line.clock.now
        while line.asked == asked:
            line.clock.now += 0.25
            told = await line.call(MetricsUnavailable("503"))
            assert told == f"503 (failed 3 times or more in a row; next try within {pause:g} s)"
        assert line.clock.now - begun == pause
        await line.fail(FAILURES - 1)
    line.clock.now += 5.0
    assert await line.call() == ""
    await line.fail()
    assert await line.waits() == 1.0, "after an answer it begins anew"


async def test_one_probe_at_a_time_and_the_others_are_told_at_once() -> None:
    line = Line()
    await line.fail()
    line.clock.now += 1.0
    first = asyncio.create_task(line.call())
    await asyncio.sleep(0)
    assert "next try" in await line.call()
    assert await first == ""
    assert await line.call() == ""
    assert line.probes == 1


async def test_a_probe_goes_on_without_the_one_who_began_it() -> None:
    line = Line()
    await line.fail()
    line.clock.now += 1.0
    impatient = asyncio.create_task(line.call())
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    for _ in range(5):
        await asyncio.sleep(0)
    assert await line.call() == ""
    assert line.probes == 1


async def test_a_query_that_is_given_up_says_nothing() -> None:
    line = Line()
    await line.fail()
    line.clock.now += 1.0
    with pytest.raises(asyncio.CancelledError):
        async with line.breaker.call(line.probe):
            raise asyncio.CancelledError
    assert await line.call() == ""


async def test_slow_expressions_are_not_held_against_a_server_that_answers_the_probe() -> None:
    line = Line(blames_query=True)
    for _ in range(50):
        assert await line.call(MetricsUnavailable("timeout", retry_after=60)) == "timeout", (
            "its own words, and no pause"
        )
        assert await line.call() == "", "nobody else notices"
        await line.fail(FAILURES)
        assert not line.breaker.is_open


async def test_those_who_come_together_wait_for_one_probe() -> None:
    line = Line(blames_query=True)
    await line.fail()
    assert await asyncio.gather(*(line.call() for _ in range(5))) == [""] * 5
    assert line.probes == 1


async def test_expressions_are_not_sent_to_a_server_that_does_not_answer_the_probe() -> None:
    line = Line(blames_query=True)
    line.probe_finds = MetricsUnavailable("no connection")
    await line.fail()
    told = [await line.call() for _ in range(3)]
    assert told == 3 * ["no connection (failed 3 times or more in a row; next try within 1 s)"]
    assert (line.asked, line.probes, line.breaker.is_open) == (FAILURES, 1, True)
    assert [await line.waits() for _ in range(4)] == [1.0, 2.0, 4.0, 5.0]
    line.probe_finds = None
    line.clock.now += 5.0
    assert await line.call() == ""


async def test_what_was_under_way_when_the_pause_began_does_not_make_it_longer() -> None:
    line, end = Line(), asyncio.Event()

    async def fails() -> None:
        async with line.breaker.call(line.probe):
            await end.wait()
            raise MetricsUnavailable("503")

    calls = [asyncio.create_task(fails()) for _ in range(6)]
    await asyncio.sleep(0)
    end.set()
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(one, MetricsUnavailable) for one in found] == [True] * 6
    assert await line.waits() == 1.0


@pytest.mark.parametrize(("wish", "kept"), [(0.0, 2.0), (3.0, 3.0), (600.0, LONGEST_WISH)])
async def test_retry_after_is_kept_to_within_reason(wish: float, kept: float) -> None:
    line = Line()
    await line.fail()
    await line.waits(wish)
    assert await line.waits() == kept
