"""Several things at the same time: their results, the first error as it is, and nothing that goes on afterwards."""

from __future__ import annotations

import asyncio

import pytest

from serin.errors import Conflict
from serin.together import together


class Work:
    """Things that may be waiting when others fail."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    async def answers(self, value: int) -> int:
        await asyncio.sleep(0)
        return value

    async def fails(self, error: Exception) -> int:
        await asyncio.sleep(0)
        raise error

    async def waits(self, name: str, *, last: Exception | None = None) -> int:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.ended.append(name)
            if last is not None:
                raise last
        return 0


async def test_results_come_in_order() -> None:
    work = Work()
    assert await together(*(work.answers(n) for n in range(5))) == list(range(5))
    assert await together() == []


async def test_the_first_error_comes_as_it_is_and_nothing_runs_on() -> None:
    work, before = Work(), asyncio.all_tasks()
    with pytest.raises(Conflict, match="somebody was faster"):
        await together(work.waits("a"), work.answers(1), work.fails(Conflict("somebody was faster")), work.waits("b"))
    assert sorted(work.ended) == ["a", "b"]
    assert asyncio.all_tasks() == before
    own = asyncio.current_task()
    assert own is not None
    assert own.cancelling() == 0, "a later time-out or group of the same task counts on it"


async def test_who_is_cancelled_ends_as_cancelled_whatever_fails_then() -> None:
    work, before = Work(), asyncio.all_tasks()
    waiting = asyncio.create_task(together(work.waits("a", last=ValueError("too late")), work.waits("b")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert sorted(work.ended) == ["a", "b"]
    assert asyncio.all_tasks() == before
