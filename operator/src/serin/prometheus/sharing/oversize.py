"""Remembers which requests had too large an answer, so that they are not read up to the limit in every window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from serin.errors import AnswerTooLarge
from serin.prometheus.series_request import RequestKey, SeriesRequest, Shape

BELIEVED_SECONDS = 300.0
"""After that the request is tried again: pods come and go."""


@dataclass(frozen=True, slots=True)
class _TooLong:
    reach: timedelta
    """The shortest time range that was too large."""
    until: float
    error: AnswerTooLarge


@dataclass(frozen=True, slots=True)
class _Fitting:
    size: int
    until: float


class OversizeCache:
    """What was too large within the last minutes; ``clock`` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._too_long: dict[RequestKey, _TooLong] = {}
        self._fitting: dict[Shape, _Fitting] = {}

    def check(self, request: SeriesRequest) -> None:
        """``AnswerTooLarge`` if the same request for as long a time range was too large."""
        known = self._too_long.get(request.key)
        if known is not None and self._clock() < known.until and request.end - request.start >= known.reach:
            raise known.error.with_query(known.error.query)  # a copy: a raised error keeps its traceback

    def note(self, request: SeriesRequest, error: AnswerTooLarge) -> None:
        """Remembers that the answer to a request was too large."""
        now = self._clock()
        self._too_long = {key: known for key, known in self._too_long.items() if now < known.until}
        reach, known = request.end - request.start, self._too_long.get(request.key)
        if known is None or reach <= known.reach:  # a longer one was under way at the same time, and tells less
            copied = error.with_query(error.query)  # without its traceback, which keeps the whole answer in memory
            self._too_long[request.key] = _TooLong(reach, now + BELIEVED_SECONDS, copied)

    def joined(self, shape: Shape, most: int) -> int:
        """How many requests of a shape may be joined into one query; ``most`` if none was too large."""
        known = self._fitting.get(shape)
        return min(most, known.size) if known is not None and self._clock() < known.until else most

    def fits(self, shape: Shape, size: int) -> None:
        """Remembers that ``size`` joined requests of a shape could be read, after more of them were too large."""
        now = self._clock()
        self._fitting = {shape: known for shape, known in self._fitting.items() if now < known.until}
        known = self._fitting.get(shape)
        if known is None or size <= known.size:
            self._fitting[shape] = _Fitting(size, now + BELIEVED_SECONDS)
