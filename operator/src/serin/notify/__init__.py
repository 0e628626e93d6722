"""Sinks of announcements. To add one, write a module with a class that satisfies ``Sink`` and a line in ``SINKS``."""

from __future__ import annotations

from collections.abc import Callable

from serin.notify.kubernetes_events import KubernetesEvents
from serin.notify.sink import Sink, SinkContext

SINKS: tuple[Callable[[SinkContext], Sink | None], ...] = (
    # Shown by `kubectl describe modeldeployment`.
    KubernetesEvents,
)
"""Factories of sinks. A factory returns None if the settings turn its sink off."""


def sinks_of(context: SinkContext) -> tuple[Sink, ...]:
    """The sinks of this process, made once: each may keep a connection or an open file."""
    made = (factory(context) for factory in SINKS)
    return tuple(sink for sink in made if sink is not None)
