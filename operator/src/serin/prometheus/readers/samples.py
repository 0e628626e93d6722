"""The samples that one window may look at, and whether they are there twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from serin.prometheus.grid import lookback
from serin.prometheus.readers.targets import Edges
from serin.prometheus.series import Series

REPLICA_LABELS = frozenset({"prometheus_replica", "replica", "__replica__", "prometheus", "cluster_replica"})
"""What tells the copies of one series apart where two Prometheus servers scrape the same targets."""


def clipped(series: Sequence[Series], edges: Edges, length: timedelta) -> list[Series]:
    """The series with samples up to the window's end only, from a fixed time before its start.

    What a window counts must not depend on what was read with it: after a restart windows are read in batches.
    """
    first = edges[0] - lookback(length).total_seconds()
    return [s for s in (one.between(first, edges[1]) for one in series) if s.times]


def duplicate_series_error(series: Sequence[Series]) -> str:
    """What to do about copies of one series, which would be counted twice; empty if there are none."""
    known: dict[frozenset[tuple[str, str]], Series] = {}
    for own in series:
        rest = frozenset((key, value) for key, value in own.labels.items() if key not in REPLICA_LABELS)
        first = known.setdefault(rest, own)
        if first is not own and _overlap(first, own):
            differs = next((key for key in sorted(REPLICA_LABELS) if first.labels.get(key) != own.labels.get(key)), "")
            name = own.labels.get("__name__", "")
            return f"{name} is there twice, told apart by {differs}: ask one Prometheus, or one that deduplicates"
    return ""


def _overlap(one: Series, other: Series) -> bool:
    """Whether two series may be copies: their values overlap."""
    return one.values[0] <= other.values[-1] and other.values[0] <= one.values[-1]
