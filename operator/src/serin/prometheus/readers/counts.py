"""Counts requests and bad requests of each arm in each window from raw samples. Pure: series in, windows out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from serin.evidence import Counts, Window
from serin.prometheus.grid import Grid
from serin.prometheus.presets import Term
from serin.prometheus.readers.arm_query import ArmPatterns
from serin.prometheus.readers.counter_groups import CounterGroup, silence_of, unseen_of
from serin.prometheus.readers.native import expand_native_histograms, off_boundary
from serin.prometheus.readers.origins import several_origins_error
from serin.prometheus.readers.samples import clipped, duplicate_series_error
from serin.prometheus.readers.tally import CannotCount, count_of, tally
from serin.prometheus.readers.targets import Edges, Target, counters, growth, is_born, known_targets, target_of
from serin.prometheus.series import Series, freshness

NOBODYS = CounterGroup(())


@dataclass(frozen=True, slots=True)
class FoundGroup:
    """The series that came back for one group of counters."""

    terms: tuple[Term, ...]
    series: Sequence[Series]
    asked: CounterGroup = NOBODYS
    """What was asked for."""


def windows(
    arms: ArmPatterns, grid: Grid, groups: Sequence[FoundGroup], unseen: frozenset[str] | None = None
) -> list[Window]:
    """One window per grid cell; an arm without fresh samples at both edges has no counts there.

    ``unseen`` has the selectors that had matched nothing before the grid; None: all that must be seen.
    """
    left, found = unseen_of([group.asked for group in groups], unseen), []
    for start in grid.starts:
        edges = (start.timestamp(), (start + grid.length).timestamp())
        raw = [replace(group, series=clipped(group.series, edges, grid.length)) for group in groups]
        left -= {group.asked.selector for group in raw if counters(group.series)}
        silence = silence_of([(group.asked, bool(counters(group.series))) for group in raw], left)
        window = Window(start, grid.length, None, absent=left) if left else _window(arms, start, grid.length, raw)
        found.append(window if window.measured or window.error else replace(window, silence=silence))
    return found


def _window(arms: ArmPatterns, start: datetime, length: timedelta, raw: Sequence[FoundGroup]) -> Window:
    edges = (start.timestamp(), (start + length).timestamp())
    seen = [FoundGroup(group.terms, expand_native_histograms(group.series, group.terms, edges[0])) for group in raw]
    doubt = next(filter(None, _doubts(arms, raw, seen, edges)), "")
    if doubt:
        return Window(start, length, None, error=doubt)
    everything = [s for group in seen for s in group.series]
    fresh = freshness(everything)
    known = known_targets(everything, edges, fresh)

    def of(pattern: str) -> tuple[Counts | None, str]:
        own = [FoundGroup(group.terms, arms.of(pattern, counters(group.series))) for group in seen]
        if not known or not any(s.age_at(edges[1]) <= fresh for group in own for s in group.series):
            return None, ""
        try:
            return tally((group.terms, _SampleIncrements(group.series, edges, known)) for group in own), ""
        except CannotCount as error:
            return None, str(error)

    candidate, error = of(arms.candidate)
    stable, _ = of(arms.stable)
    return Window(start, length, candidate, stable, error=error)


def _doubts(arms: ArmPatterns, raw: Sequence[FoundGroup], seen: Sequence[FoundGroup], edges: Edges) -> Iterator[str]:
    """Why a window cannot be counted for any arm; empty texts where there is no doubt."""
    yield from (duplicate_series_error(group.series) for group in seen)
    yield several_origins_error(arms, [group.series for group in raw], edges[0])
    yield from (off_boundary(group.series, group.terms) for group in raw)


@dataclass(frozen=True, slots=True)
class _SampleIncrements:
    """Implements ``Increments`` sample by sample: resets and new series are seen."""

    series: Sequence[Series]
    edges: Edges
    known: set[Target]

    def lacks(self, term: Term) -> bool:
        """Of any target that has the histogram: each must have the bucket."""
        count = count_of(term)
        measured = {target_of(s) for s in self.series if s.labels.get("__name__") == count}
        return bool(measured - {target_of(s) for s in self.series if term.matches(s.labels)})

    def of(self, term: Term) -> float:
        own = [s for s in self.series if term.matches(s.labels)]
        born = (s for s in own if is_born(s, self.edges[0], self.known))
        if any(_renamed(one, own) for one in born):
            raise CannotCount(f"{term.metric} goes on under other labels since this window: what is new cannot be told")
        return growth(own, self.edges, self.known)


def _renamed(born: Series, own: Sequence[Series]) -> bool:
    """Whether another series of the same target ended as this one began: its counts may be that one's, with history."""
    return any(
        other.times[-1] < born.times[0] and target_of(other) == target_of(born) and other.labels != born.labels
        for other in own
    )
