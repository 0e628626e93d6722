"""How do many rollouts ask one Prometheus? What is wanted at the same moment goes out as one query.

Windows begin at whole seconds and are read a fixed time after their end, so the rollouts that are due in one second ask
within a few milliseconds of each other: with windows of 15 s there are at most 15 such moments in a window, however
many rollouts there are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from serin.errors import AnswerTooLarge, MetricsError, MetricsUnavailable, QueryRejected
from serin.prometheus.series import Series
from serin.prometheus.series_request import SeriesRequest, Shape, query
from serin.prometheus.server.limiter import PATIENCE, Gate
from serin.prometheus.server.oversize import OversizeCache
from serin.prometheus.server.redaction import one_line

GATHERING = 0.05
"""Seconds that the first of a batch waits for others."""
MOST_WANTS = 200
"""Per query: its text stays below a few dozen KiB."""
OWN_QUERIES = 2
"""Of policies' own expressions at a time: counts, on which rollbacks depend, always find a place beside them."""
COUNT_QUERIES = 2
"""Of counts that are asked for as an expression at a time: slow gauges do not hold them up."""
SHORT = timedelta(minutes=5)
"""Wants that reach further back (after an outage, history) go alone: they would make everybody's query as long."""

Batch = Sequence[tuple[SeriesRequest, "asyncio.Future[list[Series]]"]]
"""What somebody requests, and who waits for it. Whoever put it there waits as long as the future is open."""


class Source(Protocol):
    """What is asked: one Prometheus."""

    async def matrix(self, query: str, at: datetime) -> list[Series]:
        """Raw samples of a range selector at an explicit time; ``MetricsError``."""
        ...

    async def values(self, query: str, at: datetime) -> list[float]:
        """The values of an expression at an instant; ``MetricsError``."""
        ...


class Shared:
    """One Prometheus for all rollouts."""

    def __init__(
        self,
        source: Source,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE,
    ) -> None:
        self._source, self._pause = source, pause
        self._waiting: dict[Shape, list[tuple[SeriesRequest, asyncio.Future[list[Series]]]]] = {}
        self._own, self._counts = Gate(OWN_QUERIES, patience), Gate(COUNT_QUERIES, patience)
        self._flushes: set[asyncio.Task[None]] = set()
        self._large = OversizeCache(clock)

    async def series(self, request: SeriesRequest) -> list[Series]:
        """The wanted series with the samples of the wanted time; ``MetricsError``."""
        self._large.check(request)
        try:
            return await self._found(request)
        except AnswerTooLarge as error:
            self._large.note(request, error)
            raise

    async def _found(self, request: SeriesRequest) -> list[Series]:
        if request.end - request.start > SHORT:
            return _own(request, await self._source.matrix(*query([request])))
        future: asyncio.Future[list[Series]] = asyncio.get_running_loop().create_future()
        batch = self._waiting.setdefault(request.shape, [])
        batch.append((request, future))
        if len(batch) == 1:
            self._begin(request.shape, batch)
        return await future

    def _begin(self, shape: Shape, batch: Batch) -> None:
        """Answers the batch after a moment. However that ends, nobody who is in it waits for ever."""
        task = asyncio.create_task(self._flush(shape))
        self._flushes.add(task)

        def settle(_: asyncio.Task[None]) -> None:
            self._flushes.discard(task)
            if self._waiting.get(shape) is batch:  # it was ended before it began: who comes now begins another
                del self._waiting[shape]
            bug = None if task.cancelled() else task.exception()
            _fail(batch, bug if isinstance(bug, Exception) else MetricsUnavailable("the query was given up"))

        task.add_done_callback(settle)

    async def samples(self, query: str, at: datetime) -> list[Series]:
        """Raw samples of somebody's own selector: not shared."""
        async with self._own.place(query):
            return await self._source.matrix(query, at)

    async def values(self, query: str, at: datetime) -> list[float]:
        """The values of somebody's own expression: not shared."""
        async with self._own.place(query):
            return await self._source.values(query, at)

    async def counted(self, query: str, at: datetime) -> list[Series]:
        """As ``samples``, for counts that raw samples are too many for: gauges take none of their places."""
        async with self._counts.place(query):
            return await self._source.matrix(query, at)

    async def _flush(self, shape: Shape) -> None:
        """Asks for everything that has gathered."""
        await self._pause(GATHERING)
        batch = self._waiting.pop(shape)
        size = self._large.together(shape, MOST_WANTS)
        parts = [batch[i : i + size] for i in range(0, len(batch), size)]
        await asyncio.gather(*(self._ask(part) for part in parts))

    async def _ask(self, part: Batch) -> bool:
        """Answers everybody in it; whether all of it could be read, in whatever parts."""
        try:
            return await self._answered(part)
        except Exception as error:  # noqa: BLE001 - whoever asked gets it, whatever it is; other parts do not
            _fail(part, error)
            return False

    async def _answered(self, part: Batch) -> bool:
        try:
            found = await self._source.matrix(*query([request for request, _ in part]))
        except MetricsError as error:
            return await self._again(part, error)
        for one in part:
            _give(one, found)
        return True

    async def _again(self, part: Batch, error: MetricsError) -> bool:
        smaller = _smaller(part, error)
        for request, future in () if smaller else part:
            if not future.done():  # each with its own query: the shared one changes, and names other rollouts
                future.set_exception(error.about(_selected(request)))
        well = all(await asyncio.gather(*map(self._ask, smaller))) and bool(smaller)
        if well and isinstance(error, AnswerTooLarge):  # else one is too large alone, and without it more may fit
            self._large.fits(part[0][0].shape, max(map(len, smaller)))
        return well


def _give(one: tuple[SeriesRequest, asyncio.Future[list[Series]]], found: Sequence[Series]) -> None:
    """What one of a batch gets; an error while its own part is looked for is its own, too."""
    request, future = one
    if future.done():
        return
    try:
        future.set_result(_own(request, found))
    except Exception as error:  # noqa: BLE001 - whoever asked gets it
        future.set_exception(error)


def _fail(part: Batch, error: Exception) -> None:
    """Raises ``error`` for everybody in it who still waits."""
    for _, future in part:
        if not future.done():
            future.set_exception(error)


def _smaller(part: Batch, error: MetricsError) -> list[Batch]:
    """How to ask again for what failed together; not at all where less of it would fail as well."""
    if len(part) == 1 or isinstance(error, MetricsUnavailable):
        return []
    if isinstance(error, AnswerTooLarge):
        middle = len(part) // 2
        return [part[:middle], part[middle:]]
    # What one of them asks for cannot be answered; the others must not be blind for it.
    return [[one] for one in part]


def _selected(request: SeriesRequest) -> str:
    """What was asked for, without its reach: that grows while windows wait, and a message should stay the same."""
    return one_line(query([request])[0].rpartition("[")[0])


def _own(request: SeriesRequest, found: Sequence[Series]) -> list[Series]:
    """What one request gets: as if it had been asked for alone, at its own time."""
    start, end = request.start.timestamp(), request.end.timestamp()
    own = (series.between(start, end) for series in found if request.matches(series))
    return [series for series in own if series.times]


class NotAllowed:
    """Stands for a Prometheus that is no longer on the allow-list: nobody is asked in its place."""

    def __init__(self, address: str) -> None:
        self._error = QueryRejected(f"{address} is not on the operator's allow-list")

    async def series(self, request: SeriesRequest) -> list[Series]:
        """Always refused."""
        del request
        raise self._error

    async def samples(self, query: str, at: datetime) -> list[Series]:
        """Always refused."""
        del query, at
        raise self._error

    async def counted(self, query: str, at: datetime) -> list[Series]:
        """Always refused."""
        del query, at
        raise self._error

    async def values(self, query: str, at: datetime) -> list[float]:
        """Always refused."""
        del query, at
        raise self._error
