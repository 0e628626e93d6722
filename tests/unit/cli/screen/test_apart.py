"""Work beside the screen's loop: its result or its error, and nobody who leaves waits for it."""

from __future__ import annotations

import asyncio
import threading

import pytest

from serin.cli.screen.apart import apart
from serin.errors import Unavailable


async def test_the_result_and_the_error_come_to_who_waits() -> None:
    assert await apart(lambda: 7) == 7

    def away() -> int:
        raise Unavailable("no answer in time")

    with pytest.raises(Unavailable, match="no answer"):
        await apart(away)


def test_a_loop_ends_without_what_was_left_behind() -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def slow() -> bool:
        begun.set()
        return goes_on.wait(60)

    async def leaves() -> None:
        waiting = asyncio.create_task(apart(slow))
        await asyncio.to_thread(begun.wait, 60)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(leaves())
    left = [thread for thread in threading.enumerate() if thread.name == "apart" and thread.is_alive()]
    assert left, "it was not waited for"
    goes_on.set()
    for thread in left:
        thread.join(60)
