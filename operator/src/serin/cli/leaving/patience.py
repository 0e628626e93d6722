"""Waits until something is true, with a bound that says what was missing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from serin.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a command waits for each thing, and how often it looks."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    pause: float = 0.5

    async def until(self, done: Callable[[], Awaitable[bool]], what: str) -> None:
        """Looks until ``done``; ``InvalidInput`` after ``seconds``."""
        end = self.clock() + self.seconds
        while not await done():
            if self.clock() >= end:
                raise InvalidInput(
                    f"{what}: not within {self.seconds:g} s; nothing is lost, requests go where they went: mend what "
                    f"keeps it, and call the command again, which goes on from here"
                )
            await self.sleep(self.pause)
