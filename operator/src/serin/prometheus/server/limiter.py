"""Limits how many queries run at a time. A query that finds no free slot within some seconds is not sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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
        try:
            async with asyncio.timeout(self._seconds):
                await self._slots.acquire()
        except TimeoutError:
            words = f"not asked: other queries took the last {self._seconds:.1f} s"
            raise MetricsUnavailable(words, query=one_line(query)) from None
        try:
            yield
        finally:
            self._slots.release()
