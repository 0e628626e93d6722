"""What a pass leads to: when its key is worked on again, and that this is always some time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from serin.controller.loop import Loop
from serin.controller.workqueue import (
    GONE,
    LONGEST_BACKOFF,
    LONGEST_CONFLICT_BACKOFF,
    LONGEST_OUTAGE_BACKOFF,
    Gone,
    Key,
)
from serin.errors import Conflict, MetricsUnavailable, Refused, SerinError, Unavailable
from tests.clock import START

A, B = ("ns", "a"), ("ns", "b")


async def wait_after_a_pass(loop: Loop, key: Key) -> float:
    wait = await loop._once(key)
    assert wait is not None
    return wait


class Passes:
    """Whatever a test wants to come of them."""

    def __init__(self) -> None:
        self.outcome: Exception | datetime | Gone | None = None

    async def __call__(self, _: Key) -> datetime | Gone | None:
        if isinstance(self.outcome, Exception):
            raise self.outcome.with_traceback(None)
        return self.outcome


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """A traceback per failure takes longer to print than all the rest."""
    with capture_logs():
        yield


FAILURES: list[tuple[Exception, float]] = [
    (Conflict("409"), LONGEST_CONFLICT_BACKOFF),
    # However long it was away: a breach that was proven meanwhile is acted on with its first answers.
    (Unavailable("503"), LONGEST_OUTAGE_BACKOFF),
    # What a person has to mend.
    (Refused("403"), LONGEST_BACKOFF),
    (MetricsUnavailable("503"), LONGEST_BACKOFF),
    (SerinError("something else"), LONGEST_BACKOFF),
    (ValueError("a bug"), LONGEST_BACKOFF),
]


@pytest.mark.parametrize(("error", "longest"), FAILURES, ids=lambda value: type(value).__name__)
async def test_each_failure_backs_off_up_to_its_own_bound_and_a_success_ends_it(
    error: Exception, longest: float
) -> None:
    passes = Passes()
    loop = Loop(passes, lambda: START, timedelta(minutes=5))
    passes.outcome = error
    waits = [await wait_after_a_pass(loop, A) for _ in range(20)]
    assert waits[:3] == [waits[0], 2 * waits[0], 4 * waits[0]]
    assert waits[-1] == longest
    passes.outcome = None
    await wait_after_a_pass(loop, A)
    passes.outcome = error
    assert await wait_after_a_pass(loop, A) == waits[0]


@pytest.mark.parametrize(("error", "longest"), FAILURES, ids=lambda value: type(value).__name__)
async def test_no_pause_after_a_failure_is_longer_than_the_bound_of_its_key(error: Exception, longest: float) -> None:
    """With traffic on the candidate: a window's length, which may change from one failure to the next."""
    bounds: dict[Key, float] = {A: 1.5}
    passes = Passes()
    loop = Loop(passes, lambda: START, timedelta(minutes=5), bounds.get)
    passes.outcome = error
    for _ in range(20):
        await wait_after_a_pass(loop, B)
        assert await wait_after_a_pass(loop, A) <= 1.5
    assert await wait_after_a_pass(loop, A) == 1.5
    assert await wait_after_a_pass(loop, B) == longest, "another key has no bound"
    bounds.clear()
    assert await wait_after_a_pass(loop, A) == longest, "nor has this one any more"


async def test_a_bound_that_is_longer_changes_nothing() -> None:
    passes = Passes()
    loop = Loop(passes, lambda: START, timedelta(minutes=5), lambda _: 60.0)
    for passes.outcome, longest in FAILURES:
        assert max([await wait_after_a_pass(loop, A) for _ in range(20)]) <= longest


@pytest.mark.parametrize(
    ("wake_at", "least", "most"),
    [
        (None, 270.0, 330.0),
        (START + timedelta(seconds=7), 7.0, 7.0),
        (START - timedelta(seconds=7), 0.0, 0.0),
        (START + timedelta(days=1), 270.0, 330.0),
    ],
)
async def test_after_a_pass_that_went_well(wake_at: datetime | None, least: float, most: float) -> None:
    passes = Passes()
    passes.outcome = wake_at
    loop = Loop(passes, lambda: START, timedelta(minutes=5), lambda _: 1.0)
    assert least <= await wait_after_a_pass(loop, A) <= most


async def test_the_loop_works_backs_off_and_looks_again() -> None:
    outcomes: list[BaseException | datetime | None] = [Conflict("x"), Unavailable("y"), ValueError("bug"), START, None]
    done = asyncio.Event()
    keys: list[Key] = []

    async def reconcile(key: Key) -> datetime | None:
        keys.append(key)
        outcome = outcomes.pop(0)
        if not outcomes:
            done.set()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    loop = Loop(reconcile, lambda: START, timedelta(minutes=5))
    loop.queue.add(A)
    work = asyncio.create_task(loop.run(2))
    await asyncio.wait_for(done.wait(), 5)
    work.cancel()
    assert keys == [A] * 5


async def test_a_key_whose_object_is_gone_is_forgotten() -> None:
    """M1: every name that an action ever named was looked at again every five minutes for ever."""
    looked_at: list[Key] = []
    done = asyncio.Event()

    async def reconcile(key: Key) -> Gone:
        looked_at.append(key)
        if len(looked_at) == 1000:
            done.set()
        return GONE

    loop = Loop(reconcile, lambda: START, timedelta(milliseconds=1))
    for number in range(1000):
        loop.queue.add(("ns", str(number)))
    work = asyncio.create_task(loop.run(4))
    await asyncio.wait_for(done.wait(), 5)
    for _ in range(10):
        await asyncio.sleep(0)
    assert (loop.queue.depth, len(loop.queue._due), len(looked_at)) == (0, 0, 1000)
    work.cancel()
