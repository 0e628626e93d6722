"""How is one Prometheus asked by many? In bounded threads, twice at most within a deadline, and not while it is down.

Errors are `MetricsError` and its kinds, and name the server, what came back and the query.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sized
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from serin.errors import AnswerTooLarge, MetricsError, MetricsUnavailable, QueryRejected
from serin.prometheus.series import Series
from serin.prometheus.server import answer
from serin.prometheus.server.answer import Answer
from serin.prometheus.server.breaker import Breaker
from serin.prometheus.server.credentials import Server
from serin.prometheus.server.decoding import decode_off_loop
from serin.prometheus.server.limiter import Gate
from serin.prometheus.server.redaction import one_line
from serin.prometheus.server.transport import MAX_BYTES, Transport

T = TypeVar("T", bound=Sized)
CONCURRENCY = 4
"""Threads and connections per server."""
DEADLINE = 5.0
"""Seconds for a query, its second try included."""
RETRY_PAUSE = 0.3
"""Seconds before the second try: a restarted proxy or a moved endpoint is there again."""
SLACK = 1.0
"""Seconds that a thread may take longer than it was told, e.g. to resolve a name, before it is not waited for."""


class Result(StrEnum):
    """How a query ended, by what it means for whoever asked."""

    OK = "ok"
    REJECTED = "rejected"
    UNAVAILABLE = "unavailable"
    CANCELLED = "cancelled"
    """Whoever asked does not wait any more, which says nothing about the server."""
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    NOT_ASKED = "not_asked"
    """The server is left alone, or others took all places."""


@dataclass(slots=True)
class Asked:
    """One query, from the wait for a place to its end, a second try included."""

    server: str
    result: Result = Result.NOT_ASKED
    seconds: float = 0.0
    size: int = 0
    """Bytes that were read, unpacked."""
    series: int = 0
    """Series, or values, that were read."""
    left_alone: bool = False
    """Whether the server is left alone from now on, until a probe succeeds."""


class Prometheus:
    """One server. ``close`` it in the end."""

    def __init__(
        self,
        server: Server,
        *,
        concurrency: int = CONCURRENCY,
        deadline: float = DEADLINE,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[Asked], None] = lambda _: None,
    ) -> None:
        self._url, self._deadline, self._tell = server.url, deadline, tell
        self._transport = Transport(server, concurrency, max_bytes)
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="prometheus")
        self._gate = Gate(concurrency, deadline)
        self._breaker = Breaker(clock)

    async def matrix(self, query: str, at: datetime) -> list[Series]:
        """Raw samples of a range selector; ``QueryRejected``, ``MetricsUnavailable`` or ``MalformedAnswer``."""
        return await self._ask(answer.matrix, query, at)

    async def values(self, query: str, at: datetime) -> list[float]:
        """The values of an expression at an instant, one per series; NaN is left out; errors as ``matrix``."""
        return await self._ask(answer.values, query, at)

    def close(self) -> None:
        """Ends the threads; a query under way keeps its thread until its own time limit."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._transport.close()

    async def _ask(self, read: Callable[[Answer], T], query: str, at: datetime) -> T:
        asked, begun = Asked(self._url), time.perf_counter()

        async def attempt(seconds: float) -> T:
            came = await self._fetched(query, at, seconds)
            asked.size += len(came.body)
            found = await decode_off_loop(read, came)  # within the place: so few answers are in memory unread
            asked.series += len(found)
            return found

        try:
            # Waiting for others is no failure of the server: the breaker does not see it.
            async with self._gate.place(query):
                with self._breaker.call():
                    asked.result = Result.UNAVAILABLE  # whatever ends it from here on
                    found = await self._twice(attempt)
            asked.result = Result.OK
        except asyncio.CancelledError:
            asked.result = Result.CANCELLED
            raise
        except MetricsError as error:
            asked.result = _result(error, asked.result)
            raise error.about(one_line(query), server=self._url) from None
        finally:
            asked.seconds, asked.left_alone = time.perf_counter() - begun, self._breaker.is_open
            self._tell(asked)
        return found

    async def _twice(self, attempt: Callable[[float], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._deadline
        try:
            return await attempt(self._deadline)
        except MetricsUnavailable as error:
            pause = max(RETRY_PAUSE, error.retry_after or 0.0)
            left = until - loop.time() - pause
            if left < self._deadline / 10:
                raise
        await asyncio.sleep(pause)
        return await attempt(left)

    async def _fetched(self, query: str, at: datetime, seconds: float) -> Answer:
        """What comes back, within a limit that the server has to keep: what is done with it here is not counted."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds + SLACK):
                return await loop.run_in_executor(self._pool, self._transport.ask, query, at, seconds)
        except TimeoutError:
            raise MetricsUnavailable(f"no answer within {seconds:.1f} s") from None


def _result(error: MetricsError, before: Result) -> Result:
    match error:
        case MetricsUnavailable():
            return before
        case QueryRejected():
            return Result.REJECTED
        case AnswerTooLarge():
            return Result.TOO_LARGE
        case _:
            return Result.MALFORMED
