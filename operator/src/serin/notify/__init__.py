"""Who is told what happens. To add a sink, write a module with a class that satisfies ``Sink`` and a line here."""

from __future__ import annotations

from collections.abc import Callable

from serin.cluster.client import Cluster
from serin.notify.kubernetes_events import KubernetesEvents
from serin.notify.sink import Sink

SINKS: tuple[Callable[[Cluster], Sink], ...] = (
    # What `kubectl describe modeldeployment` shows.
    KubernetesEvents,
)
"""Makers of sinks; each is given the API server, as far as this replica may write to it."""
