"""The queue's promises, with a clock that the test moves."""

from __future__ import annotations

import asyncio

from serin.controller.workqueue import WorkQueue

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
