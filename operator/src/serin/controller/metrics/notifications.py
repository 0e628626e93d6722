"""The metrics of the receivers of notifications, read from their lines at each scrape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from serin.controller.metrics import catalogue as of
from serin.notify.line import RESULTS, Line


class NotificationMetrics(Collector):
    """One series for each receiver, which the operator's settings bound."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._counted: dict[tuple[str, str], float] = {}
        self._lines: Mapping[str, Line] = {}
        if registry is not None:
            registry.register(self)

    def watch(self, lines: Mapping[str, Line]) -> None:
        """Tells of these receivers from now on."""
        self._lines = lines
        self._counted = {(name, result): 0.0 for name in lines for result in RESULTS}

    def told(self, receiver: str, result: str) -> None:
        """Counts an attempt, by how it ended."""
        self._counted[receiver, result] = self._counted.get((receiver, result), 0.0) + 1

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """The series. It runs in another thread than the deliveries."""
        sent, pending, failing = (m.family() for m in (of.NOTIFICATIONS, of.NOTIFICATIONS_PENDING, of.RECEIVER_FAILING))
        for labels, value in sorted(self._counted.copy().items()):
            sent.add_metric(labels, value)
        for name, line in self._lines.items():
            pending.add_metric((name,), float(line.depth))
            broken = line.failing
            if broken is not None:
                failing.add_metric((name,), broken.since.timestamp())
        yield from (sent, pending, failing)
