"""Do events still arrive? A watch that is connected and silent looks healthy.

A live read that is newer than the newest event for too long says that it is deaf. The resync keeps the objects right
meanwhile; the liveness probe has the process restarted.
"""

from __future__ import annotations

from collections.abc import Callable

from serin.controller.workqueue import Key

PATIENCE = 60.0
"""Seconds that an event may be late."""


class Watchdog:
    """Compares generations: what events have told, and what live reads have found."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: dict[Key, int] = {}
        self._behind: dict[Key, float] = {}
        """Since when a key's live generation is newer than what was told."""

    def told(self, key: Key, generation: int) -> None:
        """An event brought this generation."""
        self._told[key] = generation
        self._behind.pop(key, None)

    def found(self, key: Key, generation: int | None) -> None:
        """A live read found this generation; None: the object is gone."""
        if generation is None:
            self._told.pop(key, None)
            self._behind.pop(key, None)
        elif generation > self._told.get(key, 0):
            self._behind.setdefault(key, self._clock())

    @property
    def deaf(self) -> Key | None:
        """A key whose event is overdue; None while all is well."""
        now = self._clock()
        return next((key for key, since in self._behind.items() if now - since > PATIENCE), None)
