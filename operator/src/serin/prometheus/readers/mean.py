"""Reads means: a quantity per request of each arm and window, from the increase of a sum and of a count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from serin.evidence import Mean, MeanWindow
from serin.indicators import measurements
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.metrics import Metrics
from serin.prometheus.presets import preset
from serin.prometheus.readers.arm_query import ArmQuery
from serin.prometheus.readers.counter_groups import groups_of, silence_of
from serin.prometheus.readers.origins import several_origins_error
from serin.prometheus.readers.samples import clipped, duplicate_series_error
from serin.prometheus.readers.targets import Edges, Target, counters, growth, known_targets
from serin.prometheus.series import Series, freshness
from serin.together import together

NONE: frozenset[str] = frozenset()


async def read(metrics: Metrics, wanted: measurements.Mean, identity: RolloutIdentity, grid: Grid) -> list[MeanWindow]:
    """One window per grid cell; ``MetricsError``."""
    query = ArmQuery.of(metrics, wanted, identity, grid)
    groups = groups_of(query.source, wanted.groups, identity.namespace)
    sums, counts = await together(*(metrics.series(query.request(group)) for group in groups))
    there = [(group, bool(counters(part))) for group, part in zip(groups, (sums, counts), strict=True)]
    silence = next(filter(None, (silence_of([one], NONE) for one in there)), "")
    windows = [_window(query, start, sums, counts) for start in grid.starts]
    return [w if w.measured or w.error else replace(w, silence=silence) for w in windows]


def check(wanted: measurements.Mean) -> None:
    """``QueryRejected`` for selectors that cannot be asked for."""
    groups_of(preset(wanted.arms), wanted.groups, namespace="x")


def _window(query: ArmQuery, start: datetime, sums: Sequence[Series], counts: Sequence[Series]) -> MeanWindow:
    patterns, length = query.patterns, query.grid.length
    edges = (start.timestamp(), (start + length).timestamp())
    grown, counted = clipped(sums, edges, length), clipped(counts, edges, length)
    doubt = duplicate_series_error(grown) or duplicate_series_error(counted)
    doubt = doubt or several_origins_error(patterns, (grown, counted), edges[0])
    if doubt:
        return MeanWindow(start, length, None, error=doubt)
    fresh = freshness([*grown, *counted])
    known = known_targets([*grown, *counted], edges, fresh)
    means = [
        _mean(patterns.of(arm, counters(grown)), patterns.of(arm, counters(counted)), edges, (fresh, known))
        for arm in patterns.both
    ]
    return MeanWindow(start, length, *means)


def _mean(
    sums: Sequence[Series], counts: Sequence[Series], edges: Edges, seen: tuple[float, set[Target]]
) -> Mean | None:
    """One arm's mean; None unless both counters are fresh at the window's end."""
    fresh, known = seen
    if not known or not all(any(s.age_at(edges[1]) <= fresh for s in part) for part in (sums, counts)):
        return None
    count = round(growth(counts, edges, known))
    return Mean(growth(sums, edges, known) / count if count else 0.0, count)
