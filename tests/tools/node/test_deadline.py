from __future__ import annotations

import asyncio

import pytest

from e2e.sandbox.node.deadline import Deadline


async def test_work_that_ends_in_time_is_waited_for() -> None:
    assert await Deadline(5).bound(asyncio.sleep(0))


async def test_work_that_takes_longer_is_cancelled() -> None:
    cancelled = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    assert not await Deadline(0.01).bound(endless())
    async with asyncio.timeout(1):
        await cancelled.wait()


async def test_it_can_be_brought_nearer_while_someone_waits() -> None:
    deadline = Deadline(60)
    waiting = asyncio.create_task(deadline.bound(asyncio.Event().wait()))
    await asyncio.sleep(0)
    deadline.shorten(0)
    async with asyncio.timeout(1):
        assert not await waiting


async def test_it_is_never_put_off_by_shortening() -> None:
    deadline = Deadline(1)
    deadline.shorten(60)
    assert deadline.left <= 1


async def test_it_can_be_put_off_for_a_last_act() -> None:
    deadline = Deadline(0)
    await asyncio.sleep(0.001)
    assert deadline.left == 0
    deadline.at_least(5)
    assert await deadline.bound(asyncio.sleep(0.001))


async def test_an_error_of_the_work_reaches_the_caller() -> None:
    async def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await Deadline(5).bound(fails())
