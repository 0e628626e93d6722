"""What was too large to read a moment ago, alone or together? It is not read up to the limit window after window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from serin.errors import AnswerTooLarge
from serin.prometheus.series_request import RequestKey, SeriesRequest, Shape

BELIEVED_SECONDS = 300.0
"""After that it is tried again: pods come and go."""


@dataclass(frozen=True, slots=True)
class _Noted:
    reach: timedelta
    """The shortest that was too large."""
    until: float
    error: AnswerTooLarge


@dataclass(frozen=True, slots=True)
class _Fitting:
    size: int
    until: float


class OversizeCache:
    """Remembers them by what was wanted; ``clock`` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._noted: dict[RequestKey, _Noted] = {}
        self._fitting: dict[Shape, _Fitting] = {}

    def check(self, request: SeriesRequest) -> None:
        """``AnswerTooLarge`` if as long a reach of the same was too large lately."""
        noted = self._noted.get(request.key)
        if noted is not None and self._clock() < noted.until and request.end - request.start >= noted.reach:
            raise noted.error.about(noted.error.query)  # a copy: an error that is raised again keeps its whole past

    def note(self, request: SeriesRequest, error: AnswerTooLarge) -> None:
        """This was too large."""
        now = self._clock()
        self._noted = {key: noted for key, noted in self._noted.items() if now < noted.until}
        reach, known = request.end - request.start, self._noted.get(request.key)
        if known is None or reach <= known.reach:  # a longer one was under way at the same time, and tells less
            copied = error.about(error.query)  # without its past, in which the whole answer is kept in memory
            self._noted[request.key] = _Noted(reach, now + BELIEVED_SECONDS, copied)

    def together(self, shape: Shape, most: int) -> int:
        """How many requests of a shape may be asked for with one query; ``most`` if nothing else is known."""
        fitting = self._fitting.get(shape)
        return min(most, fitting.size) if fitting is not None and self._clock() < fitting.until else most

    def fits(self, shape: Shape, size: int) -> None:
        """More of it were too large together, and so many were not."""
        now = self._clock()
        self._fitting = {shape: fitting for shape, fitting in self._fitting.items() if now < fitting.until}
        known = self._fitting.get(shape)
        if known is None or size <= known.size:
            self._fitting[shape] = _Fitting(size, now + BELIEVED_SECONDS)
