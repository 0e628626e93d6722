"""Sinks of announcements. To add one, write a module with a class that satisfies ``Sink`` and a line in ``SINKS``."""

from __future__ import annotations

from collections.abc import Callable

from serin.cluster.client import Cluster
from serin.notify.kubernetes_events import KubernetesEvents
from serin.notify.sink import Sink

SINKS: tuple[Callable[[Cluster], Sink], ...] = (
    # Shown by `kubectl describe modeldeployment`.
    KubernetesEvents,
)
"""Factories of sinks; each gets the API client of this replica."""
