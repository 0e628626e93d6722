"""Joins the requests of many rollouts: those of the same moment are sent to Prometheus as one query.

Windows begin at whole seconds and are read a fixed time after their end, so the rollouts that are due in one second ask
within a few milliseconds of each other: with windows of 15 s there are at most 15 such moments in a window, however
many rollouts there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from serin.errors import AnswerTooLarge, MetricsError, MetricsUnavailable
from serin.prometheus.series import Series
from serin.prometheus.series_request import SeriesRequest, Shape, query
from serin.prometheus.server.redaction import one_line
from serin.prometheus.sharing.oversize import OversizeCache

GATHERING = 0.05
"""Seconds that the first of a batch waits for others."""
MOST_REQUESTS = 200
"""Per query: its text stays below a few dozen KiB."""
SHORT = timedelta(minutes=5)
"""Requests that reach further back (after an outage, history) are not joined: the whole query would be as long."""

Batch = Sequence[tuple[SeriesRequest, "asyncio.Future[list[Series]]"]]
"""Requests that are joined, each with the future that its caller waits for."""


class JoinedRequests:
    """The requests of all who get the same series from a server: one tenant, or everybody."""

    def __init__(
        self,
        matrix: Callable[[str, datetime], Awaitable[list[Series]]],
        pause: Callable[[float], Awaitable[None]],
        clock: Callable[[], float],
    ) -> None:
        self._matrix, self._pause = matrix, pause
        self._waiting: dict[Shape, list[tuple[SeriesRequest, asyncio.Future[list[Series]]]]] = {}
        self._flushes: set[asyncio.Task[None]] = set()
        self._oversize = OversizeCache(clock)

    async def series(self, request: SeriesRequest) -> list[Series]:
        """The requested series with the samples of the requested time; ``MetricsError``."""
        self._oversize.check(request)
        try:
            return await self._found(request)
        except AnswerTooLarge as error:
            self._oversize.note(request, error)
            raise

    async def _found(self, request: SeriesRequest) -> list[Series]:
        if request.end - request.start > SHORT:
            return _own(request, await self._matrix(*query([request])))
        future: asyncio.Future[list[Series]] = asyncio.get_running_loop().create_future()
        batch = self._waiting.setdefault(request.shape, [])
        batch.append((request, future))
        if len(batch) == 1:
            self._begin(request.shape, batch)
        return await future

    def _begin(self, shape: Shape, batch: Batch) -> None:
        """Answers the batch after a moment. However that ends, each of its futures is set."""
        task = asyncio.create_task(self._flush(shape))
        self._flushes.add(task)

        def settle(_: asyncio.Task[None]) -> None:
            self._flushes.discard(task)
            if self._waiting.get(shape) is batch:  # cancelled before it began: the next request begins a new batch
                del self._waiting[shape]
            bug = None if task.cancelled() else task.exception()
            _fail(batch, bug if isinstance(bug, Exception) else MetricsUnavailable("the query was given up"))

        task.add_done_callback(settle)

    async def _flush(self, shape: Shape) -> None:
        """Sends all requests of a shape that have gathered."""
        await self._pause(GATHERING)
        batch = self._waiting.pop(shape)
        size = self._oversize.joined(shape, MOST_REQUESTS)
        parts = [batch[i : i + size] for i in range(0, len(batch), size)]
        await asyncio.gather(*(self._ask(part) for part in parts))

    async def _ask(self, part: Batch) -> bool:
        """Answers all requests of a part; whether all could be read, if need be with several queries."""
        try:
            return await self._answered(part)
        except Exception as error:  # noqa: BLE001 - it is raised in the callers of this part, and in no others
            _fail(part, error)
            return False

    async def _answered(self, part: Batch) -> bool:
        try:
            found = await self._matrix(*query([request for request, _ in part]))
        except MetricsError as error:
            return await self._again(part, error)
        for one in part:
            _give(one, found)
        return True

    async def _again(self, part: Batch, error: MetricsError) -> bool:
        smaller = _smaller(part, error)
        for request, future in () if smaller else part:
            if not future.done():  # each with its own query: the joined one changes, and names other rollouts
                future.set_exception(error.with_query(_selected(request)))
        all_read = all(await asyncio.gather(*map(self._ask, smaller))) and bool(smaller)
        # Where one is too large alone, more of the others may fit together without it.
        if all_read and isinstance(error, AnswerTooLarge):
            self._oversize.fits(part[0][0].shape, max(map(len, smaller)))
        return all_read


def _give(one: tuple[SeriesRequest, asyncio.Future[list[Series]]], found: Sequence[Series]) -> None:
    """Sets the future of one request, also if selecting its series fails."""
    request, future = one
    if future.done():
        return
    try:
        future.set_result(_own(request, found))
    except Exception as error:  # noqa: BLE001 - it is raised in the caller
        future.set_exception(error)


def _fail(part: Batch, error: Exception) -> None:
    """Raises ``error`` in all callers that still wait."""
    for _, future in part:
        if not future.done():
            future.set_exception(error)


def _smaller(part: Batch, error: MetricsError) -> list[Batch]:
    """The queries to send instead of one that failed; none where smaller ones would fail as well."""
    if len(part) == 1 or isinstance(error, MetricsUnavailable):
        return []
    if isinstance(error, AnswerTooLarge):
        middle = len(part) // 2
        return [part[:middle], part[middle:]]
    # One of the requests cannot be answered; the others must not go without data because of it.
    return [[one] for one in part]


def _selected(request: SeriesRequest) -> str:
    """The query without its time range: that grows while windows wait, and a message should stay the same."""
    return one_line(query([request])[0].rpartition("[")[0])


def _own(request: SeriesRequest, found: Sequence[Series]) -> list[Series]:
    """The series of one request, as if it had been sent alone at its own time."""
    start, end = request.start.timestamp(), request.end.timestamp()
    own = (series.between(start, end) for series in found if request.matches(series))
    return [series for series in own if series.times]
