"""Queries of many to one Prometheus: in limited threads, with two tries within a deadline, and behind breakers.

Errors are ``MetricsError`` and its kinds. They name the server, what came back and the query.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sized
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import TypeVar

from serin.errors import AnswerTooLarge, MetricsError, MetricsUnavailable, QueryRejected
from serin.prometheus.series import Series
from serin.prometheus.server import answer
from serin.prometheus.server.answer import Answer
from serin.prometheus.server.breaker import Breaker
from serin.prometheus.server.credentials import Server
from serin.prometheus.server.limiter import Limiter
from serin.prometheus.server.question import Purpose, Question
from serin.prometheus.server.redaction import one_line
from serin.prometheus.server.transport import MAX_BYTES, Transport

T = TypeVar("T", bound=Sized)
CONCURRENCY = 6
"""Queries, and connections, per server at a time: two of policies' own expressions, two of their own selectors, and two
that are nobody's."""
DEADLINE = 5.0
"""Seconds for a query, its second try included."""
PROBE = "vector(1)"
"""What a server is asked that is left alone: it reads no series, so the answer tells of the server alone."""
RETRY_PAUSE = 0.3
"""Seconds before the second try: a restarted proxy or a moved endpoint is there again."""


class Result(StrEnum):
    """How a query ended."""

    OK = "ok"
    REJECTED = "rejected"
    UNAVAILABLE = "unavailable"
    CANCELLED = "cancelled"
    """The caller waits no longer, which says nothing about the server."""
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    NOT_ASKED = "not_asked"
    """It was not sent: the breaker is open, or there was no free slot."""


@dataclass(slots=True)
class QueryStats:
    """One query, from the wait for a slot to its end, a second try included."""

    server: str
    result: Result = Result.NOT_ASKED
    seconds: float = 0.0
    size: int = 0
    """Bytes that were read, unpacked."""
    series: int = 0
    """Series, or values, in the answer."""
    left_alone: bool = False
    """Whether the server is left alone now, for this purpose: it gets probes only until one succeeds."""
    query: str = ""
    """What was asked, in one line."""


class Prometheus:
    """One server. ``close`` it in the end. ``on_query`` gets the figures of each query."""

    def __init__(
        self,
        server: Server,
        *,
        concurrency: int = CONCURRENCY,
        deadline: float = DEADLINE,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
        on_query: Callable[[QueryStats], None] = lambda _: None,
    ) -> None:
        self._server, self._deadline, self._on_query = server, deadline, on_query
        self._transport = Transport(server, concurrency, max_bytes)
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="prometheus")
        self._limiter = Limiter(concurrency, deadline)
        self._clock = clock
        self._breakers: dict[tuple[Purpose, str], Breaker] = {}
        """By purpose and tenant."""

    async def matrix(
        self, query: str, at: datetime, *, namespace: str = "", purpose: Purpose = Purpose.COUNTS
    ) -> list[Series]:
        """Raw samples of a range selector; ``QueryRejected``, ``MetricsUnavailable`` or ``MalformedAnswer``."""
        return await self._ask(answer.matrix, Question(query, at, namespace, purpose))

    async def values(
        self, query: str, at: datetime, *, namespace: str = "", purpose: Purpose = Purpose.COUNTS
    ) -> list[float]:
        """The values of an expression at an instant, one per series; NaN is left out; errors as ``matrix``."""
        return await self._ask(answer.values, Question(query, at, namespace, purpose))

    def close(self) -> None:
        """Ends the threads; a query under way keeps its thread until its own time limit."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._transport.close()

    async def _ask(self, decode: Callable[[Answer], T], question: Question) -> T:
        stats, begun = QueryStats(self._server.url, query=one_line(question.query)), time.perf_counter()
        breaker = self._breaker(question)

        def note_size(size: int) -> None:
            stats.size += size

        async def attempt(seconds: float) -> T:
            loop, ask = asyncio.get_running_loop(), self._transport.ask
            # Decoding happens within the slot, so few answers are in memory before they are decoded.
            return await loop.run_in_executor(self._threads, ask, decode, question, seconds, note_size)

        try:
            # The wait for others is no failure of the server: the breaker does not see it.
            async with self._limiter.slot(question.query), breaker.call(partial(self._probe, question)):
                stats.result = Result.UNAVAILABLE  # unless something else ends it from here on
                found = await self._twice(attempt)
            stats.result, stats.series = Result.OK, len(found)
        except asyncio.CancelledError:
            stats.result = Result.CANCELLED
            raise
        except MetricsError as error:
            stats.result = _result(error, stats.result)
            raise error.with_query(one_line(question.query), server=self._server.url) from None
        finally:
            stats.seconds, stats.left_alone = time.perf_counter() - begun, breaker.is_open
            self._on_query(stats)
        return found

    def _breaker(self, question: Question) -> Breaker:
        """The breaker of everybody who asks for the same purpose; a tenant's limits are that tenant's trouble."""
        tenant = question.namespace if self._server.separates_tenants else ""
        blames_query = question.purpose is not Purpose.COUNTS
        return self._breakers.setdefault((question.purpose, tenant), Breaker(self._clock, blames_query=blames_query))

    async def _probe(self, question: Question) -> None:
        """Asks what any server that lives answers at once, in one attempt; ``MetricsError``."""
        loop, probe = asyncio.get_running_loop(), replace(question, query=PROBE)
        ask = partial(self._transport.ask, answer.values, probe, self._deadline, lambda _: None)
        await loop.run_in_executor(self._threads, ask)

    async def _twice(self, attempt: Callable[[float], Awaitable[T]]) -> T:
        """One attempt, and after a failure of the server a second one if there is time left for it."""
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
