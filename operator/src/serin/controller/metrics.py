"""What does the process tell of itself? Prometheus metrics with bounded labels."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()
QUEUE_DEPTH = Gauge("serin_workqueue_depth", "ModelDeployments that wait to be looked at.", registry=REGISTRY)
PASSES = Counter("serin_reconcile_total", "Passes by how they ended.", ["result"], registry=REGISTRY)
PASS_SECONDS = Histogram("serin_reconcile_seconds", "Duration of a pass.", registry=REGISTRY)


def exposition() -> bytes:
    """The metrics in Prometheus's text format."""
    return generate_latest(REGISTRY)
