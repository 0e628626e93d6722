"""How many may ask at a time? Who finds no place within some seconds is told so, and has not asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from serin.errors import MetricsUnavailable
from serin.prometheus.server.redaction import one_line

PATIENCE = 5.0
"""Seconds, unless told otherwise: as long as a query may take."""


class Gate:
    """So many places; the others wait, and none of them for longer than ``patience`` seconds."""

    def __init__(self, places: int, patience: float = PATIENCE) -> None:
        self._places, self._patience = asyncio.Semaphore(places), patience

    @asynccontextmanager
    async def place(self, query: str) -> AsyncIterator[None]:
        """A place for as long as the block lasts; ``MetricsUnavailable``, which is no failure of the server."""
        try:
            async with asyncio.timeout(self._patience):
                await self._places.acquire()
        except TimeoutError:
            words = f"not asked: other queries took the last {self._patience:.1f} s"
            raise MetricsUnavailable(words, query=one_line(query)) from None
        try:
            yield
        finally:
            self._places.release()
