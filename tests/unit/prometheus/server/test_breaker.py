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
    """A server behind a breaker, and how often it was asked."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.breaker = Breaker(self.clock)
        self.asked = 0

    def call(self, error: MetricsError | None = None) -> str:
        """What is told; empty if all is well."""
        try:
            with self.breaker.call():
                self.asked += 1
                if error is not None:
                    raise error
        except MetricsError as told:
            return str(told)
        return ""

    def fail(self, times: int = FAILURES) -> None:
        for _ in range(times):
            self.call(MetricsUnavailable("503"))

    def waits(self, retry_after: float | None = None) -> float:
        """Seconds until the server is asked again, and fails again."""
        begun, asked = self.clock.now, self.asked
        while self.asked == asked:
            self.clock.now += 0.25
            self.call(MetricsUnavailable("503", retry_after=retry_after))
        return self.clock.now - begun


def test_after_failures_in_a_row_nobody_asks_until_the_pause_is_over() -> None:
    line = Line()
    line.fail()
    told = line.call()
    assert told == "503 (failed 3 times or more in a row; next try within 1 s)"
    assert line.asked == FAILURES
    line.clock.now += 1.0
    assert line.call() == ""
    line.fail(FAILURES - 1)
    assert line.call() == "", "it is well again: failures are counted from none"


def test_pauses_grow_and_stay_short_enough_for_a_window_of_15_s() -> None:
    line = Line()
    line.fail()
    assert [line.waits() for _ in range(6)] == [1.0, 2.0, 4.0, 5.0, 5.0, 5.0]
    assert LONGEST_PAUSE <= LONGEST_WISH <= 15.0


def test_the_words_stay_the_same_as_long_as_the_cause_does() -> None:
    """They stand in every rollout's status: new words would be a write of each of them."""
    line = Line()
    line.fail()
    for _ in range(4):
        line.waits()
    while line.clock.now < 1100:
        line.clock.now += 0.3
        assert line.call(MetricsUnavailable("503")) == "503 (failed 3 times or more in a row; next try within 5 s)"


@pytest.mark.parametrize(
    "error",
    [QueryRejected("400"), MalformedAnswer("HTML"), PartialAnswer("a store is away"), None],
    ids=["rejected", "malformed", "partial", "well"],
)
def test_an_answer_of_any_kind_shows_that_a_server_lives(error: MetricsError | None) -> None:
    line = Line()
    for _ in range(4):
        line.fail(FAILURES - 1)
        line.call(error)
    assert line.asked == 4 * FAILURES
    line.fail()
    line.clock.now += 1.0
    line.call(error)
    assert line.call() == "", "a probe too"


def test_one_probe_at_a_time() -> None:
    line = Line()
    line.fail()
    line.clock.now += 1.0
    with line.breaker.call():
        assert "next try" in line.call()
    assert line.call() == ""


def test_a_probe_that_is_given_up_makes_room_for_the_next() -> None:
    line = Line()
    line.fail()
    line.clock.now += 1.0
    with pytest.raises(asyncio.CancelledError), line.breaker.call():
        raise asyncio.CancelledError
    assert line.call() == ""


async def test_what_was_under_way_when_the_pause_began_does_not_make_it_longer() -> None:
    line, end = Line(), asyncio.Event()

    async def fails() -> None:
        with line.breaker.call():
            await end.wait()
            raise MetricsUnavailable("503")

    calls = [asyncio.create_task(fails()) for _ in range(6)]
    await asyncio.sleep(0)
    end.set()
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(one, MetricsUnavailable) for one in found] == [True] * 6
    assert line.waits() == 1.0


@pytest.mark.parametrize(("wish", "kept"), [(0.0, 2.0), (3.0, 3.0), (600.0, LONGEST_WISH)])
def test_retry_after_is_kept_to_within_reason(wish: float, kept: float) -> None:
    line = Line()
    line.fail()
    line.waits(wish)
    assert line.waits() == kept
