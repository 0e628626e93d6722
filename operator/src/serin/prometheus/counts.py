"""How many requests, and how many bad ones, did each arm have in each window? Pure: series in, windows out."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from serin.evidence import Counts, Window
from serin.prometheus.native import MUST_BE, off_boundary, spelled_out
from serin.prometheus.presets import Term
from serin.prometheus.series import Series, freshness

REPLICA_LABELS = frozenset({"prometheus_replica", "replica", "__replica__", "prometheus", "cluster_replica"})
"""What tells the copies of one series apart where two Prometheus servers scrape the same targets."""

SCRAPED, STARTED = "up", "process_start_time_seconds"
SIGNS = frozenset({SCRAPED, STARTED})
"""What a scrape target tells of itself: since when it is known, and since when it counts."""


@dataclass(frozen=True, slots=True)
class ArmPatterns:
    """How the series of both arms are told apart: a label, and a regular expression for its value per arm."""

    label: str
    candidate: str
    stable: str

    @property
    def both(self) -> tuple[str, str]:
        """Candidate's, stable's."""
        return self.candidate, self.stable

    def matches(self, value: str) -> bool:
        """Whether a value of the label is one of the two arms."""
        return any(re.fullmatch(pattern, value) for pattern in self.both)

    def of(self, pattern: str, series: Sequence[Series]) -> list[Series]:
        """The series of one arm."""
        compiled = re.compile(pattern)
        return [s for s in series if compiled.fullmatch(s.labels.get(self.label, ""))]


@dataclass(frozen=True, slots=True)
class Grid:
    """Windows of equal length, back to back."""

    start: datetime
    length: timedelta
    count: int

    @property
    def end(self) -> datetime:
        """End of the last window."""
        return self.start + self.count * self.length

    @property
    def first_sample(self) -> datetime:
        """The earliest sample that any of the windows looks at."""
        return self.start - lookback(self.length)


@dataclass(frozen=True, slots=True)
class Counted:
    """Series that were asked for together, and what they count."""

    terms: tuple[Term, ...]
    series: Sequence[Series]


def lookback(length: timedelta) -> timedelta:
    """How far before a window samples are looked at: four scrapes of 15 s, or four windows."""
    return max(timedelta(seconds=60), 4 * length)


def windows(arms: ArmPatterns, grid: Grid, groups: Sequence[Counted]) -> list[Window]:
    """One window per grid cell; an arm without fresh samples at both edges has no counts there."""
    return [_window(arms, grid.start + i * grid.length, grid.length, groups) for i in range(grid.count)]


def _window(arms: ArmPatterns, start: datetime, length: timedelta, groups: Sequence[Counted]) -> Window:
    edges = (start.timestamp(), (start + length).timestamp())
    # What a window counts must not depend on what else was read with it: after a restart it is read in a batch.
    raw = [Counted(group.terms, clipped(group.series, edges, length)) for group in groups]
    seen = [Counted(group.terms, spelled_out(group.series, group.terms, edges[0])) for group in raw]
    doubts = (twice_told(group.series) for group in seen), (off_boundary(group.series, group.terms) for group in raw)
    doubt = next(filter(None, chain(*doubts)), "")
    if doubt:
        return Window(start, length, None, error=doubt)
    everything = [s for group in seen for s in group.series]
    fresh = freshness(everything)
    known = known_targets(everything, edges, fresh)

    def of(pattern: str) -> tuple[Counts | None, str]:
        own = [Counted(group.terms, arms.of(pattern, counters(group.series))) for group in seen]
        return _counts(own, edges, fresh, known=known)

    candidate, error = of(arms.candidate)
    stable, _ = of(arms.stable)
    return Window(start, length, candidate, stable, error=error)


def clipped(series: Sequence[Series], edges: tuple[float, float], length: timedelta) -> list[Series]:
    """What a window may look at: samples up to its end, from a fixed time before its start."""
    first = edges[0] - lookback(length).total_seconds()
    return [s for s in (one.between(first, edges[1]) for one in series) if s.times]


def _counts(
    groups: Sequence[Counted], edges: tuple[float, float], fresh: float, *, known: set[tuple[str, str]]
) -> tuple[Counts | None, str]:
    start, end = edges
    if not known or not any(s.age_at(end) <= fresh for group in groups for s in group.series):
        return None, ""
    bad = total = 0.0
    for group in groups:
        for term in group.terms:
            own = [s for s in group.series if term.takes(s.labels)]
            if term.required and _measured(term, group.series) - set(map(target_of, own)):
                return None, missing(term)
            born = [s for s in own if s.age_at(start) == math.inf and target_of(s) in known]
            if any(_renamed(one, own) for one in born):
                return None, f"{term.metric} goes on under other labels since this window: what is new cannot be told"
            increment = sum(s.increment(start, end) for s in (*born, *(s for s in own if s.age_at(start) < math.inf)))
            bad, total = bad + term.bad * increment, total + term.total * increment
    return Counts(max(0, round(bad)), max(0, round(total))), ""


def twice_told(series: Sequence[Series]) -> str:
    """Copies of one series would be counted twice: how to mend it; empty if there are none."""
    known: dict[frozenset[tuple[str, str]], Series] = {}
    for own in series:
        rest = frozenset((key, value) for key, value in own.labels.items() if key not in REPLICA_LABELS)
        first = known.setdefault(rest, own)
        if first is not own and _alike(first, own):
            differs = next((key for key in sorted(REPLICA_LABELS) if first.labels.get(key) != own.labels.get(key)), "")
            name = own.labels.get("__name__", "")
            return f"{name} is there twice, told apart by {differs}: ask one Prometheus, or one that deduplicates"
    return ""


def _alike(one: Series, other: Series) -> bool:
    """Whether two series may be copies: counters that were at the same values in the same time."""
    return one.values[0] <= other.values[-1] and other.values[0] <= one.values[-1]


def _renamed(born: Series, own: Sequence[Series]) -> bool:
    """Whether another series of the same target ended as this one began: its counts may be that one's, with history."""
    return any(
        other.times[-1] < born.times[0] and target_of(other) == target_of(born) and other.labels != born.labels
        for other in own
    )


def known_targets(series: Sequence[Series], edges: tuple[float, float], fresh: float) -> set[tuple[str, str]]:
    """Where a new series is a birth and not the end of a gap: scraped just before, or begun in the window."""
    start, end = edges

    def knows(own: Series) -> bool:
        name = own.labels.get("__name__")
        if name == STARTED:
            return start <= own.values[-1] <= end  # a clock that is ahead proves nothing
        # A target that cannot be reached has samples of `up`, too: it may come back with all its history.
        return own.age_at(start) <= fresh and (name != SCRAPED or own.values[own.index_at(start)] == 1)

    return {target_of(own) for own in series if knows(own)}


def counters(series: Sequence[Series]) -> list[Series]:
    """Without what targets tell of themselves."""
    return [s for s in series if s.labels.get("__name__") not in SIGNS]


def target_of(series: Series) -> tuple[str, str]:
    """The scrape target: a series is newborn only where others of its target were scraped before."""
    return series.labels.get("instance", ""), series.labels.get("pod", "")


def _measured(term: Term, series: Sequence[Series]) -> set[tuple[str, str]]:
    """Targets that have the histogram at all: each must have the bucket."""
    count = term.metric.removesuffix("_bucket") + "_count"
    return {target_of(s) for s in series if s.labels.get("__name__") == count}


def missing(term: Term) -> str:
    """Why a term that is required cannot be counted."""
    return f"{term.metric} has no bucket with le={term.labels.get('le')}: {MUST_BE}"
