"""The queue's promises, with a clock that the test moves."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from serin.controller.workqueue import EVENT_BURST, EVENT_INTERVAL, EventLimit, Key, WorkQueue

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


def test_conflicts_have_a_backoff_of_their_own() -> None:
    q = queue()
    assert [q.conflicted(A) for _ in range(8)] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert q.failed(A) == 0.2, "failures are counted apart"
    assert q.conflicted(B) == 0.05, "and so are keys"
    q.succeeded(A)
    assert [q.conflicted(A), q.failed(A)] == [0.05, 0.2]


def test_a_bound_shortens_every_pause_and_is_not_remembered() -> None:
    q = queue()
    assert [q.failed(A, longest=0.5) for _ in range(6)] == [0.2, 0.4, 0.5, 0.5, 0.5, 0.5]
    assert [q.conflicted(A, longest=0.08) for _ in range(6)] == [0.05, 0.08, 0.08, 0.08, 0.08, 0.08]
    assert [q.failed(A), q.conflicted(A)] == [0.2 * 2**6, 2.0]


def test_backoff_never_overflows() -> None:
    q = queue()
    assert [q.failed(A) for _ in range(2000)][-1] == 30.0
    assert [q.conflicted(A) for _ in range(2000)][-1] == 2.0


async def passes_under_events(events_per_second: int, seconds: int, due_every: float | None = None) -> list[float]:
    """When passes begin while one key's object is changed all the time, and perhaps is due at a pace of its own."""
    now, begun = 0.0, []
    q = WorkQueue(lambda: now)
    pump = asyncio.create_task(q.pump())
    for tick in range(events_per_second * seconds):
        now = tick / events_per_second
        q.add(A)
        q._changed.set()
        for _ in range(3):
            await asyncio.sleep(0)
        while q.depth:
            assert await q.get() == A
            begun.append(now)
            q.done(A)
            if due_every is not None:
                q.add_at(A, now + due_every)
    pump.cancel()
    return begun


async def test_events_without_end_cause_a_burst_and_then_one_pass_a_second() -> None:
    """M2: a `kubectl annotate` loop was free load, eight reads for each write."""
    begun = await passes_under_events(50, 60)
    assert EVENT_BURST + 59 - 2 <= len(begun) <= EVENT_BURST + 60
    assert max(b - a for a, b in pairwise(begun)) <= EVENT_INTERVAL + 0.05


async def test_a_rollout_keeps_its_own_pace_under_events_without_end() -> None:
    begun = await passes_under_events(50, 60, due_every=0.2)
    assert max(b - a for a, b in pairwise(begun)) <= 0.25


async def test_an_event_after_a_quiet_time_is_taken_up_at_once() -> None:
    begun = await passes_under_events(1, 30)
    assert begun == [float(second) for second in range(30)]


def test_the_limit_keeps_no_key_for_longer_than_it_matters() -> None:
    limit = EventLimit(1.0, 10)
    for number in range(100_000):
        assert limit.wait(("ns", str(number)), now=number / 100) == 0.0
    assert len(limit._full_at) < 2000


async def test_a_forgotten_key_is_not_looked_at_again_and_an_event_brings_it_back() -> None:
    now = 0.0
    q = WorkQueue(lambda: now)
    pump = asyncio.create_task(q.pump())
    keys: list[Key] = [("ns", str(number)) for number in range(1000)]
    for key in keys:
        q.add(key)
        await q.get()
        q.failed(key)
        q.forget(key)
        q.done(key)
    now = 10_000.0
    q._changed.set()
    await asyncio.sleep(0)
    assert (q.depth, len(q._due), len(q._failures._counts)) == (0, 0, 0)
    q.add(keys[0])
    assert q.depth == 1
    pump.cancel()


async def test_an_event_during_the_pass_that_finds_nothing_is_not_lost() -> None:
    q = queue()
    q.add(A)
    await q.get()
    q.add(A)
    q.forget(A)
    q.done(A)
    assert q.depth == 1
