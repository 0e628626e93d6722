"""Detects a watch that is connected and delivers no events any more.

If a live read has found a newer generation than the newest event for too long, the watch is stale. The liveness probe
then fails, and the process is restarted; until then the resync keeps the objects in order.
"""

from __future__ import annotations

from collections.abc import Callable

from serin.controller.workqueue import Key

EVENT_TIMEOUT = 60.0
"""Seconds that an event may be late."""


class Watchdog:
    """Compares the generations in events with those in live reads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: dict[Key, int] = {}
        self._behind: dict[Key, float] = {}
        """Per key, since when its live generation is newer than that of its newest event."""

    def event_seen(self, key: Key, generation: int) -> None:
        """Notes the generation in an event."""
        self._seen[key] = generation
        self._behind.pop(key, None)

    def live_read(self, key: Key, generation: int | None) -> None:
        """Notes the generation in a live read; None if the object does not exist."""
        if generation is None:
            self._seen.pop(key, None)
            self._behind.pop(key, None)
        elif generation > self._seen.get(key, 0):
            self._behind.setdefault(key, self._clock())

    @property
    def stale_key(self) -> Key | None:
        """A key whose event is overdue; None if there is none."""
        now = self._clock()
        return next((key for key, since in self._behind.items() if now - since > EVENT_TIMEOUT), None)
