"""In which order are keys worked on? A queue with the semantics of client-go's.

``add`` de-duplicates; a key is never worked on twice at once; an ``add`` meanwhile runs it once more afterwards;
``add_at`` keeps only the earliest due time; failures back off per key.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

from serin.controller.metrics import QUEUE_ADDS, QUEUE_RETRIES, QUEUE_WAIT

Key = tuple[str, str]
"""(namespace, name)."""
FIRST_BACKOFF = 0.2
LONGEST_BACKOFF = 30.0
"""Seconds, for what a person has to mend."""
LONGEST_OUTAGE_BACKOFF = 3.0
"""Seconds, while a server does not answer: a rollback must not wait longer than this once it does again."""
FIRST_CONFLICT_BACKOFF, LONGEST_CONFLICT_BACKOFF = 0.05, 2.0
"""Seconds, after an object changed under a pass: mostly once, but somebody may write it all the time."""


@dataclass(slots=True)
class Backoff:
    """How long to wait after failures in a row, per key: twice as long each time."""

    first: float
    longest: float
    _counts: dict[Key, int] = field(default_factory=dict)

    def next(self, key: Key, bound: float | None = None) -> float:
        """Notes a failure; the seconds to wait, at most ``bound`` where there is one."""
        count = self._counts[key] = self._counts.get(key, 0) + 1
        pause = min(self.longest, self.first * 2.0 ** min(count - 1, 10))
        return pause if bound is None else min(pause, bound)

    def forget(self, key: Key) -> None:
        """Begins again."""
        self._counts.pop(key, None)


@dataclass(slots=True)
class WorkQueue:
    """Keys to work on; all times are seconds of ``clock`` (monotonic)."""

    clock: Callable[[], float]
    _ready: asyncio.Queue[Key] = field(default_factory=asyncio.Queue)
    _waiting: dict[Key, float] = field(default_factory=dict)
    """Since when."""
    _working: set[Key] = field(default_factory=set)
    _again: set[Key] = field(default_factory=set)
    _due: dict[Key, float] = field(default_factory=dict)
    _heap: list[tuple[float, Key]] = field(default_factory=list)
    _failures: Backoff = field(default_factory=lambda: Backoff(FIRST_BACKOFF, LONGEST_BACKOFF))
    _conflicts: Backoff = field(default_factory=lambda: Backoff(FIRST_CONFLICT_BACKOFF, LONGEST_CONFLICT_BACKOFF))
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, key: Key) -> None:
        """Work on ``key`` as soon as possible."""
        self._due.pop(key, None)
        if key in self._working:
            self._again.add(key)
        elif key not in self._waiting:
            QUEUE_ADDS.inc()
            self._waiting[key] = self.clock()
            self._ready.put_nowait(key)

    def add_at(self, key: Key, due: float) -> None:
        """Work on ``key`` at ``due``, unless that happens earlier."""
        if key in self._waiting or self._due.get(key, due + 1) <= due:
            return
        self._due[key] = due
        heapq.heappush(self._heap, (due, key))
        self._changed.set()

    async def get(self) -> Key:
        """The next key; it is being worked on until ``done``."""
        key = await self._ready.get()
        QUEUE_WAIT.observe(self.clock() - self._waiting.pop(key))
        self._working.add(key)
        return key

    def done(self, key: Key) -> None:
        """The work on ``key`` ended; it runs once more if it was added meanwhile."""
        self._working.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def failed(self, key: Key, longest: float = LONGEST_BACKOFF) -> float:
        """Notes a failure; the seconds to back off, at most ``longest``."""
        QUEUE_RETRIES.inc()
        return self._failures.next(key, longest)

    def conflicted(self, key: Key, longest: float | None = None) -> float:
        """Notes that somebody was faster; the seconds to back off, at most ``longest`` where it is given."""
        QUEUE_RETRIES.inc()
        return self._conflicts.next(key, longest)

    def succeeded(self, key: Key) -> None:
        """Forgets failures and conflicts."""
        self._failures.forget(key)
        self._conflicts.forget(key)

    @property
    def depth(self) -> int:
        """Keys that wait to be worked on now."""
        return len(self._waiting)

    async def pump(self) -> None:
        """Moves keys that have come due to the ready ones; runs until cancelled."""
        while True:
            self._changed.clear()
            now = self.clock()
            while self._heap and self._heap[0][0] <= now:
                due, key = heapq.heappop(self._heap)
                if self._due.get(key) == due:
                    self.add(key)
            pause = self._heap[0][0] - now if self._heap else None
            try:
                async with asyncio.timeout(pause):
                    await self._changed.wait()
            except TimeoutError:
                continue
