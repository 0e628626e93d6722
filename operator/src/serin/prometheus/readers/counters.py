"""Reads counters: events and bad events of each arm per window."""

from __future__ import annotations

from dataclasses import replace

from serin.errors import AnswerTooLarge
from serin.evidence import Window
from serin.indicators.measurements import Counters
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.metrics import Metrics
from serin.prometheus.presets import preset
from serin.prometheus.readers.arm_query import ArmQuery
from serin.prometheus.readers.counter_groups import groups_of
from serin.prometheus.readers.counts import FoundGroup, windows
from serin.prometheus.readers.sums import summed
from serin.together import together


async def read(
    metrics: Metrics,
    wanted: Counters,
    identity: RolloutIdentity,
    grid: Grid,
    *,
    raw: bool = False,
    unseen: frozenset[str] | None = None,
) -> list[Window]:
    """One window per grid cell, or fewer from the grid's start on; ``MetricsError``.

    ``unseen`` has the selectors that have matched nothing before the grid; None: any of them.

    Where the samples of all windows are too many, those of the first half are read; where those of one window are, the
    server's own sums are read instead. With ``raw`` that is an error.
    """
    query = ArmQuery.of(metrics, wanted, identity, grid)
    groups = groups_of(query.source, wanted.groups, identity.namespace)
    try:
        found = await together(*(metrics.series(query.request(group)) for group in groups))
    except AnswerTooLarge:
        if raw:
            raise
        if grid.count > 1:
            return await read(metrics, wanted, identity, replace(grid, count=grid.count // 2), unseen=unseen)
        return [await summed(metrics.counted, query, groups, unseen)]
    counted = [FoundGroup(group.terms, series, group) for group, series in zip(groups, found, strict=True)]
    return windows(query.patterns, grid, counted, unseen)


def check(wanted: Counters) -> None:
    """``QueryRejected`` for counters that cannot be asked for."""
    groups_of(preset(wanted.arms), wanted.groups, namespace="x")
