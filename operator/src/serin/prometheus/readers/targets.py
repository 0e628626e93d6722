"""Scrape targets: which were known before a window, so that a series that appears in it counts from 0."""

from __future__ import annotations

import math
from collections.abc import Sequence

from serin.prometheus.series import Series

SCRAPED, STARTED = "up", "process_start_time_seconds"
TARGET_METRICS = frozenset({SCRAPED, STARTED})
"""What a scrape target tells of itself: since when it is known, and since when it counts."""
Target = tuple[str, str]
"""Instance and pod."""
Edges = tuple[float, float]
"""Start and end of a window, in epoch seconds."""


def target_of(series: Series) -> Target:
    """The scrape target that a series belongs to."""
    return series.labels.get("instance", ""), series.labels.get("pod", "")


def counters(series: Sequence[Series]) -> list[Series]:
    """The series without those that targets tell of themselves."""
    return [s for s in series if s.labels.get("__name__") not in TARGET_METRICS]


def known_targets(series: Sequence[Series], edges: Edges, fresh: float) -> set[Target]:
    """Targets at which a new series counts from 0: they were scraped just before the window, or began in it."""
    start, end = edges

    def knows(own: Series) -> bool:
        name = own.labels.get("__name__")
        if name == STARTED:
            return start <= own.values[-1] <= end  # a clock that is ahead proves nothing
        # A target that cannot be reached has samples of `up`, too: it may come back with all its history.
        return own.age_at(start) <= fresh and (name != SCRAPED or own.values[own.index_at(start)] == 1)

    return {target_of(own) for own in series if knows(own)}


def is_born(series: Series, start: float, known: set[Target]) -> bool:
    """Whether a series is new since ``start`` at a target that was known then: it counts from 0."""
    return series.age_at(start) == math.inf and target_of(series) in known


def growth(series: Sequence[Series], edges: Edges, known: set[Target]) -> float:
    """The increase of all series in a window. A new series at an unknown target may have a history: it adds none."""
    start, end = edges
    counted = (s for s in series if s.age_at(start) < math.inf or is_born(s, start, known))
    return sum(s.increment(start, end) for s in counted)
