"""Until when may something take, if that moment can be brought nearer meanwhile?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Deadline:
    """A moment, some seconds ahead, that can be moved while others wait for it."""

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._at = self._loop.time() + seconds
        self._timer = self._loop.call_at(self._at, self._come)

    @property
    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._at - self._loop.time())

    def shorten(self, seconds: float) -> None:
        """Let it come at most this many seconds from now."""
        self._move(min(self._at, self._loop.time() + seconds))

    def at_least(self, seconds: float) -> None:
        """Let it not come before this many seconds from now."""
        self._move(max(self._at, self._loop.time() + seconds))

    async def bound(self, work: Coroutine[Any, Any, object]) -> bool:
        """Await `work` until it ends (True) or the moment comes (False: it is cancelled)."""
        task = asyncio.ensure_future(work)
        try:
            first: set[asyncio.Future[Any]] = {task, self._over}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
                return True
            return False
        finally:
            task.cancel()

    def _move(self, at: float) -> None:
        if at == self._at:
            return
        self._timer.cancel()
        self._at = at
        if self._over.done():
            self._over = self._loop.create_future()
        self._timer = self._loop.call_at(at, self._come)

    def _come(self) -> None:
        if not self._over.done():
            self._over.set_result(None)
