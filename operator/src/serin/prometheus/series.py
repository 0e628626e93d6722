"""Raw samples of one series, and the increase of a counter between two instants.

Raw samples instead of ``increase()``: that one extrapolates (non-integers, inflated noise) and loses a new series'
first value. Here increments are exact integers, those of adjacent windows add up, and resets and new series count.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

FRESH_SCRAPES = 2.5
"""A sample at most so many scrape intervals old stands for an instant."""
LEAST_FRESHNESS = 2.0
"""Seconds; scrapes take time and have jitter."""


@dataclass(frozen=True, slots=True)
class NativeHistogram:
    """One sample of a native histogram."""

    count: float
    """All observations; those of NaN are in no bucket."""
    buckets: tuple[tuple[float, float, float], ...]
    """Lower bound, upper bound and observations of each bucket that has any."""


@dataclass(frozen=True, slots=True)
class Series:
    """One counter: labels, and samples in ascending time (epoch seconds, value)."""

    labels: Mapping[str, str]
    times: Sequence[float]
    values: Sequence[float]
    histograms: Sequence[NativeHistogram] = ()
    """Of a native histogram: as many as there are samples, whose values are its counts then."""

    def between(self, start: float, end: float) -> Series:
        """Only the samples within ``[start, end]``."""
        part = slice(bisect.bisect_left(self.times, start), bisect.bisect_right(self.times, end))
        return Series(self.labels, self.times[part], self.values[part], self.histograms[part])

    def index_at(self, instant: float) -> int:
        """Index of the newest sample at or before ``instant``; -1 if there is none."""
        return bisect.bisect_right(self.times, instant) - 1

    def age_at(self, instant: float) -> float:
        """Seconds since the newest sample at ``instant``; infinite if there is none."""
        index = self.index_at(instant)
        return instant - self.times[index] if index >= 0 else math.inf

    def increment(self, start: float, end: float) -> float:
        """Increase within ``(start, end]``: a reset counts from 0, and so does a series that is new in it."""
        first, last = self.index_at(start), self.index_at(end)
        if last < 0 or last == first:
            return 0.0
        before = self.values[first] if first >= 0 else 0.0
        total = 0.0
        for value in self.values[first + 1 : last + 1]:
            total += value - before if value >= before else value
            before = value
        return total


def freshness(series: Sequence[Series]) -> float:
    """How old a sample may be, in seconds, judged by the scrape interval that the samples show."""
    gaps = [b - a for s in series for a, b in zip(s.times, s.times[1:], strict=False)]
    return max(LEAST_FRESHNESS, FRESH_SCRAPES * median(gaps)) if gaps else LEAST_FRESHNESS
