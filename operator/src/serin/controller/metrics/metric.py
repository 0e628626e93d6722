"""A metric as it is declared: its name, what it says, its labels. Instruments and families are made from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

disable_created_metrics()  # type: ignore[no-untyped-call]  # one more series for each counter, which nobody asks for
REGISTRY = CollectorRegistry()
"""The registry of the operator's process."""


class Kind(StrEnum):
    """How the values of a metric behave."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. The name is the one that queries use; each label has a bounded number of values."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = Histogram.DEFAULT_BUCKETS

    def family(self) -> GaugeMetricFamily | CounterMetricFamily:
        """An empty family, for a collector that makes its series anew each time."""
        if self.kind is Kind.COUNTER:
            return CounterMetricFamily(self.name, self.help, labels=self.labels)
        return GaugeMetricFamily(self.name, self.help, labels=self.labels)

    def gauge(self, registry: CollectorRegistry = REGISTRY) -> Gauge:
        """The gauge that the process sets."""
        return Gauge(self.name, self.help, self.labels, registry=registry)

    def counter(self, registry: CollectorRegistry = REGISTRY) -> Counter:
        """The counter that the process raises."""
        return Counter(self.name, self.help, self.labels, registry=registry)

    def histogram(self, registry: CollectorRegistry = REGISTRY) -> Histogram:
        """The histogram that the process fills."""
        return Histogram(self.name, self.help, self.labels, registry=registry, buckets=self.buckets)


def gauge(name: str, text: str, *labels: str) -> Metric:
    """Declares a gauge."""
    return Metric(name, Kind.GAUGE, text, labels)


def counter(name: str, text: str, *labels: str) -> Metric:
    """Declares a counter; its name ends in ``_total``."""
    return Metric(name, Kind.COUNTER, text, labels)


def histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...] = Histogram.DEFAULT_BUCKETS) -> Metric:
    """Declares a histogram, whose series are ``_bucket``, ``_sum`` and ``_count``."""
    return Metric(name, Kind.HISTOGRAM, text, labels, buckets)
