"""Reads values: one number at the end of each window."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from serin.errors import QueryRejected
from serin.evidence import Evaluation
from serin.indicators.measurements import Value
from serin.prometheus import promql
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.metrics import Metrics
from serin.prometheus.series import freshness
from serin.prometheus.variables import VARIABLES

LIVING = 60.0
"""Seconds: a series whose newest sample is older than that beside another one's has ended."""
OLDEST_SAMPLE = timedelta(hours=48)
EXAMPLE = dict.fromkeys(VARIABLES, "x")
EXAMPLE_WINDOW = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class _Found:
    values: list[float]
    sampled_at: datetime | None = None
    error: str = ""


async def read(metrics: Metrics, wanted: Value, identity: RolloutIdentity, grid: Grid) -> list[Evaluation]:
    """One evaluation per grid cell, at its end; ``MetricsError``."""
    return [await _evaluation(metrics, wanted, identity, start, grid.length) for start in grid.starts]


def check(wanted: Value) -> None:
    """``QueryRejected`` for queries that a new rollout may not ask."""
    if wanted.max_age > OLDEST_SAMPLE:
        raise QueryRejected("maxAge is at most 48h")
    for text in (wanted.query, *wanted.sizes):
        promql.query(text, EXAMPLE, EXAMPLE_WINDOW)


async def _evaluation(
    metrics: Metrics, wanted: Value, identity: RolloutIdentity, start: datetime, length: timedelta
) -> Evaluation:
    at, text = start + length, promql.query(wanted.query, identity.variables, length, new=False)
    found = await (_newest(metrics, wanted, text, at) if promql.plain(text) else _evaluated(metrics, text, at))
    if found.error:
        return Evaluation(start, length, None, error=found.error)
    if len(found.values) > 1:
        words = f"{wanted.query} has {len(found.values)} series: aggregate them, or select one"
        return Evaluation(start, length, None, error=words)
    sizes = await _sizes(metrics, wanted, identity, length, at)
    return Evaluation(start, length, found.values[0] if found.values else None, found.sampled_at, sizes)


async def _evaluated(metrics: Metrics, text: str, at: datetime) -> _Found:
    return _Found(await metrics.values(text, at))


async def _newest(metrics: Metrics, wanted: Value, text: str, at: datetime) -> _Found:
    """The newest samples of a plain selector: they have times of their own."""
    found = await metrics.samples(f"{text}[{math.ceil(wanted.max_age.total_seconds())}s]", at)
    latest = max((s.times[-1] for s in found if s.times), default=0.0)
    # A pod that was replaced leaves its series behind for as long as is looked back.
    alive = [s for s in found if s.times and latest - s.times[-1] <= max(LIVING, freshness(found))]
    if any(s.histograms for s in alive):
        return _Found([], error=f"{wanted.query} is a native histogram, which is no value")
    return _Found([s.values[-1] for s in alive], datetime.fromtimestamp(latest, UTC) if alive else None)


async def _sizes(
    metrics: Metrics, wanted: Value, identity: RolloutIdentity, length: timedelta, at: datetime
) -> tuple[int, int] | None:
    """The numbers of rows behind the value; None if one of them is not given or not known."""
    if len(wanted.sizes) != 2:  # noqa: PLR2004 - candidate's and reference's
        return None
    found = []
    for text in wanted.sizes:
        values = await metrics.values(promql.query(text, identity.variables, length, new=False), at)
        if len(values) != 1 or not 0 < values[0] < math.inf:
            return None
        found.append(round(values[0]))
    return found[0], found[1]
