"""When does a replica act, and what of a signal that comes while it waits?"""

from __future__ import annotations

import asyncio

import pytest

from serin.controller.election import completed_before_stop


async def test_done_before_anybody_asked_to_stop() -> None:
    assert await completed_before_stop(asyncio.Event(), asyncio.sleep(0))


async def test_asked_to_stop_while_it_waits() -> None:
    stop, ended = asyncio.Event(), asyncio.Event()

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    asyncio.get_running_loop().call_later(0.01, stop.set)
    assert not await asyncio.wait_for(completed_before_stop(stop, waits()), 10)
    assert ended.is_set()


async def test_asked_to_stop_in_the_moment_in_which_it_was_done() -> None:
    stop = asyncio.Event()

    async def done() -> None:
        stop.set()

    assert not await completed_before_stop(stop, done())


async def test_what_went_wrong_is_told() -> None:
    async def fails() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await completed_before_stop(asyncio.Event(), fails())
