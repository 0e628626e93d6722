"""The queue's promises, with a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from serin.controller.loop import Loop
from serin.controller.workqueue import LONGEST_BACKOFF, LONGEST_OUTAGE_BACKOFF, Key, WorkQueue
from serin.errors import Conflict, Refused, Unavailable

A, B = ("ns", "a"), ("ns", "b")


def queue() -> WorkQueue:
    return WorkQueue(lambda: 0.0)


async def test_a_key_waits_once_however_often_it_is_added() -> None:
    q = queue()
    for _ in range(3):
        q.add(A)
    assert q.depth == 1
    assert await q.get() == A


async def test_a_key_added_during_its_work_runs_once_more_and_never_twice_at_once() -> None:
    q = queue()
    q.add(A)
    await q.get()
    q.add(A)
    q.add(A)
    assert q.depth == 0
    q.done(A)
    assert q.depth == 1


async def test_only_the_earliest_due_time_counts() -> None:
    now = 0.0
    q = WorkQueue(lambda: now)
    q.add_at(A, 5)
    q.add_at(A, 2)
    q.add_at(A, 9)
    q.add_at(B, 3)
    now = 2.0
    pump = asyncio.create_task(q.pump())
    assert await asyncio.wait_for(q.get(), 1) == A
    q.done(A)
    assert q.depth == 0
    pump.cancel()


async def test_an_add_replaces_a_later_due_time() -> None:
    now = 0.0
    q = WorkQueue(lambda: now)
    q.add_at(A, 1)
    q.add(A)
    assert await q.get() == A
    q.done(A)
    now = 5.0
    pump = asyncio.create_task(q.pump())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert q.depth == 0
    pump.cancel()


def test_backoff_doubles_is_bounded_and_forgotten_on_success() -> None:
    q = queue()
    waits = [q.failed(A) for _ in range(12)]
    assert waits[:3] == [0.2, 0.4, 0.8]
    assert waits[-1] == 30.0
    q.succeeded(A)
    assert q.failed(A) == 0.2


NOW = datetime(2026, 11, 22, tzinfo=UTC)


async def test_an_api_server_that_is_away_is_asked_again_every_few_seconds() -> None:
    """However long it was away: a breach that was proven meanwhile is acted on with its first answers."""

    async def away(_: Key) -> datetime | None:
        raise Unavailable("503")

    async def refused(_: Key) -> datetime | None:
        raise Refused("403")

    async def waits(reconcile: Callable[[Key], Awaitable[datetime | None]]) -> list[float | None]:
        loop = Loop(reconcile, lambda: NOW, timedelta(minutes=5))
        return [await loop._once(A) for _ in range(20)]

    assert (await waits(away))[-1] == LONGEST_OUTAGE_BACKOFF
    assert (await waits(refused))[-1] == LONGEST_BACKOFF, "what a person has to mend"


async def test_the_loop_works_backs_off_and_looks_again() -> None:
    outcomes: list[BaseException | datetime | None] = [Conflict("x"), Unavailable("y"), ValueError("bug"), NOW, None]
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

    loop = Loop(reconcile, lambda: NOW, timedelta(minutes=5))
    loop.queue.add(A)
    work = asyncio.create_task(loop.run(2))
    await asyncio.wait_for(done.wait(), 5)
    work.cancel()
    assert keys == [A] * 5


def test_backoff_never_overflows() -> None:
    q = queue()
    assert [q.failed(A) for _ in range(2000)][-1] == 30.0
