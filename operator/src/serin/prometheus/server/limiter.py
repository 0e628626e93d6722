"""Limits how many queries run at a time. A query that finds no free slot within some seconds is not sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

from serin.errors import MetricsUnavailable
from serin.prometheus.server.redaction import one_line

SLOT_SECONDS = 5.0
"""How long a query waits for a slot unless told otherwise: as long as it may take itself."""


class Limiter:
    """A number of slots; a query waits ``seconds`` for one at most."""

    def __init__(self, slots: int, seconds: float = SLOT_SECONDS) -> None:
        self._slots, self._seconds = asyncio.Semaphore(slots), seconds

    @asynccontextmanager
    async def slot(self, query: str) -> AsyncIterator[None]:
        """Holds a slot while the block lasts; ``MetricsUnavailable``, which is no failure of the server."""
        async with AsyncExitStack() as held:
            await self._wait(held, [self._slots], query)
            yield

    async def _wait(self, held: AsyncExitStack, wanted: list[asyncio.Semaphore], query: str) -> None:
        """Takes one after the other within the seconds; what is taken is given back when ``held`` ends."""
        try:
            async with asyncio.timeout(self._seconds):
                for one in wanted:
                    await held.enter_async_context(one)
        except TimeoutError:
            words = f"not asked: other queries took the last {self._seconds:.1f} s"
            raise MetricsUnavailable(words, query=one_line(query)) from None


class FairLimiter(Limiter):
    """As ``Limiter``, and each namespace has one slot at most: however much one asks, the others have their turn."""

    def __init__(self, slots: int, seconds: float = SLOT_SECONDS) -> None:
        super().__init__(slots, seconds)
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        """Of each namespace that asks now."""

    @asynccontextmanager
    async def turn(self, namespace: str, query: str) -> AsyncIterator[None]:
        """As ``slot``; of each namespace one query at most waits for a slot, so slots go round."""
        own = self._turns.setdefault(namespace, asyncio.Semaphore(1))
        async with AsyncExitStack() as held:
            await self._wait(held, [own, self._slots], query)
            yield
