"""What does the process tell of itself? Prometheus metrics with bounded labels."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
LEADING = Gauge("serin_leading", "1 while this replica holds the lease, or is the only one.", registry=REGISTRY)
QUEUE_ADDS = Counter("serin_workqueue_adds", "Keys that were handed to the queue.", registry=REGISTRY)
QUEUE_RETRIES = Counter("serin_workqueue_retries", "Keys that were put back after a failure.", registry=REGISTRY)
QUEUE_WAIT = Histogram("serin_workqueue_queue_seconds", "How long a key waited to be worked on.", registry=REGISTRY)
QUEUE_DEPTH = Gauge("serin_workqueue_depth", "ModelDeployments that wait to be looked at.", registry=REGISTRY)
PASSES = Counter("serin_reconcile_total", "Passes by how they ended.", ["result"], registry=REGISTRY)
PASS_SECONDS = Histogram("serin_reconcile_seconds", "Duration of a pass.", registry=REGISTRY)


def exposition() -> bytes:
    """The metrics in Prometheus's text format."""
    return generate_latest(REGISTRY)
