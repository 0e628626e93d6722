"""The operator's own Prometheus metrics; all labels have a bounded number of values."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from serin.prometheus.server.client import QueryStats, Result

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
EXPOSITION_KEPT = 1.0
"""Seconds."""
LEADING = Gauge("serin_leading", "1 while this replica holds the lease, or is the only one.", registry=REGISTRY)
MISSING_PERMISSIONS = Gauge(
    "serin_missing_permissions", "Permissions that the service account lacks, by the last check.", registry=REGISTRY
)
QUEUE_ADDS = Counter("serin_workqueue_adds", "Keys that were handed to the queue.", registry=REGISTRY)
QUEUE_RETRIES = Counter("serin_workqueue_retries", "Keys that were put back after a failure.", registry=REGISTRY)
QUEUE_WAIT = Histogram("serin_workqueue_queue_seconds", "How long a key waited to be worked on.", registry=REGISTRY)
QUEUE_DEPTH = Gauge("serin_workqueue_depth", "ModelDeployments that wait to be looked at.", registry=REGISTRY)
PASSES = Counter("serin_reconcile_total", "Passes by how they ended.", ["result"], registry=REGISTRY)
PASS_SECONDS = Histogram("serin_reconcile_seconds", "Duration of a pass.", registry=REGISTRY)

QUERIES = Counter("serin_prometheus_queries", "Queries by how they ended.", ["server", "result"], registry=REGISTRY)
QUERY_SECONDS = Histogram(
    "serin_prometheus_query_seconds",
    "Duration of a query, the wait for a slot and a second try included.",
    ["server"],
    registry=REGISTRY,
)
QUERY_BYTES = Counter("serin_prometheus_read_bytes", "Bytes of answers, unpacked.", ["server"], registry=REGISTRY)
QUERY_SERIES = Counter("serin_prometheus_read_series", "Series, or values, in answers.", ["server"], registry=REGISTRY)
LEFT_ALONE = Gauge(
    "serin_prometheus_left_alone", "1 while a server has failed and is probed only.", ["server"], registry=REGISTRY
)


def declare_server(server: str) -> None:
    """Creates the series of a Prometheus server with value 0, before the first query."""
    for result in Result:
        QUERIES.labels(server, result)
    for metric in (QUERY_SECONDS, QUERY_BYTES, QUERY_SERIES, LEFT_ALONE):
        metric.labels(server)


def record_query(query: QueryStats) -> None:
    """Counts a finished query. The label is the server's address from the allow-list, which has no credentials."""
    QUERIES.labels(query.server, query.result).inc()
    QUERY_BYTES.labels(query.server).inc(query.size)
    QUERY_SERIES.labels(query.server).inc(query.series)
    LEFT_ALONE.labels(query.server).set(query.left_alone)
    if query.result not in {Result.NOT_ASKED, Result.CANCELLED}:
        QUERY_SECONDS.labels(query.server).observe(query.seconds)


class Exposition:
    """All metrics in the Prometheus text format, rendered in a thread and kept for ``EXPOSITION_KEPT``.

    Whoever reaches the port may ask as often as they like: it costs the reconcile loop nothing but the answer's bytes.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, asyncio.Lock()
        self._text, self._at = b"", -EXPOSITION_KEPT

    async def text(self) -> bytes:
        """The text, at most ``EXPOSITION_KEPT`` old."""
        async with self._lock:  # one is rendered at a time, and those that wait get the same
            if self._clock() - self._at >= EXPOSITION_KEPT:
                self._text = await asyncio.to_thread(generate_latest, REGISTRY)
                self._at = self._clock()
            return self._text
