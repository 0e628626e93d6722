"""A work queue with the semantics of client-go's.

``add`` de-duplicates. A key is never processed twice at the same time; an ``add`` during its processing requeues it
afterwards. ``add_at`` keeps only the earliest due time. Backoff is per key.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from serin.controller.metrics.process import QUEUE_ADDS, QUEUE_RETRIES, QUEUE_WAIT

Key = tuple[str, str]
"""(namespace, name)."""
EVENT_INTERVAL = 1.0
"""Seconds per pass that events may cause for one key in the long run: changing an object without end costs its author
more than it costs Serin."""
EVENT_BURST = 10
"""Passes that events may cause at once: what a rollout's own writes and KServe's reports come to is far less."""
FIRST_BACKOFF = 0.2
LONGEST_BACKOFF = 30.0
"""Seconds, for failures that a person has to fix."""
LONGEST_OUTAGE_BACKOFF = 3.0
"""Seconds, while a server does not answer: after an outage a rollback must not wait longer than this."""
FIRST_CONFLICT_BACKOFF, LONGEST_CONFLICT_BACKOFF = 0.05, 2.0
"""Seconds, after an object has changed during a pass."""


class Gone(Enum):
    """What a pass returns in place of a time if nothing of that name is there."""

    GONE = "gone"


GONE: Final = Gone.GONE
"""The key is forgotten until an event names it again."""


@dataclass(slots=True)
class EventLimit:
    """A token bucket per key, kept as the time at which it is full again (GCRA)."""

    interval: float
    burst: int
    _full_at: dict[Key, float] = field(default_factory=dict)
    _prune_above: int = 1024

    def wait(self, key: Key, now: float) -> float:
        """Takes a token and returns 0, or returns the seconds until there is one."""
        full_at = max(now, self._full_at.get(key, now))
        wait = full_at - now - (self.burst - 1) * self.interval
        if wait > 0:
            return wait
        self._full_at[key] = full_at + self.interval
        if len(self._full_at) > self._prune_above:
            self._full_at = {k: at for k, at in self._full_at.items() if at > now}
            self._prune_above = max(1024, 2 * len(self._full_at))
        return 0.0


@dataclass(slots=True)
class Backoff:
    """Exponential backoff per key, in seconds."""

    first: float
    longest: float
    _counts: dict[Key, int] = field(default_factory=dict)

    def next(self, key: Key, bound: float | None = None) -> float:
        """Notes a failure and returns the seconds to wait, at most ``bound`` if given."""
        count = self._counts[key] = self._counts.get(key, 0) + 1
        pause = min(self.longest, self.first * 2.0 ** min(count - 1, 10))
        return pause if bound is None else min(pause, bound)

    def forget(self, key: Key) -> None:
        """Resets the backoff of a key."""
        self._counts.pop(key, None)


@dataclass(slots=True)
class WorkQueue:
    """Keys to process; all times are seconds of ``clock``, which is monotonic."""

    clock: Callable[[], float]
    _ready: asyncio.Queue[Key] = field(default_factory=asyncio.Queue)
    _waiting: dict[Key, float] = field(default_factory=dict)
    """Per ready key, since when it waits."""
    _processing: set[Key] = field(default_factory=set)
    _requeue: set[Key] = field(default_factory=set)
    """Keys that were added while they were processed."""
    _due: dict[Key, float] = field(default_factory=dict)
    _heap: list[tuple[float, Key]] = field(default_factory=list)
    _failures: Backoff = field(default_factory=lambda: Backoff(FIRST_BACKOFF, LONGEST_BACKOFF))
    _conflicts: Backoff = field(default_factory=lambda: Backoff(FIRST_CONFLICT_BACKOFF, LONGEST_CONFLICT_BACKOFF))
    _events: EventLimit = field(default_factory=lambda: EventLimit(EVENT_INTERVAL, EVENT_BURST))
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, key: Key) -> None:
        """Queues ``key`` to be processed as soon as the rate of events allows.

        The pace of ``add_at`` is not bounded: a rollout looks at its windows when they are due, and an Abort behind a
        flood of other events waits ``EVENT_INTERVAL`` at the most.
        """
        if key in self._waiting:
            return
        if key in self._processing:
            self._requeue.add(key)
            return
        now = self.clock()
        wait = self._events.wait(key, now)
        if wait > 0:
            self.add_at(key, now + wait)
        else:
            self._make_ready(key)

    def _make_ready(self, key: Key) -> None:
        self._due.pop(key, None)
        if key in self._processing:
            self._requeue.add(key)
        elif key not in self._waiting:
            QUEUE_ADDS.inc()
            self._waiting[key] = self.clock()
            self._ready.put_nowait(key)

    def add_at(self, key: Key, due: float) -> None:
        """Queues ``key`` at ``due``, unless it is queued earlier."""
        if key in self._waiting or self._due.get(key, due + 1) <= due:
            return
        self._due[key] = due
        heapq.heappush(self._heap, (due, key))
        self._changed.set()

    async def get(self) -> Key:
        """Waits for the next key; it is being processed until ``done``."""
        key = await self._ready.get()
        QUEUE_WAIT.observe(self.clock() - self._waiting.pop(key))
        self._processing.add(key)
        return key

    def done(self, key: Key) -> None:
        """Ends the processing of ``key``; requeues it if it was added meanwhile."""
        self._processing.discard(key)
        if key in self._requeue:
            self._requeue.discard(key)
            self.add(key)

    def failed(self, key: Key, longest: float = LONGEST_BACKOFF) -> float:
        """Notes a failure and returns the seconds to back off, at most ``longest``."""
        QUEUE_RETRIES.inc()
        return self._failures.next(key, longest)

    def conflicted(self, key: Key, longest: float | None = None) -> float:
        """Notes a conflict and returns the seconds to back off, at most ``longest`` if given."""
        QUEUE_RETRIES.inc()
        return self._conflicts.next(key, longest)

    def succeeded(self, key: Key) -> None:
        """Resets the backoff of ``key``."""
        self._failures.forget(key)
        self._conflicts.forget(key)

    def forget(self, key: Key) -> None:
        """Forgets what is known of ``key``; one that is ready, or was added while it was processed, stays so."""
        self.succeeded(key)
        self._due.pop(key, None)

    @property
    def depth(self) -> int:
        """The number of keys that are ready and wait for a worker."""
        return len(self._waiting)

    async def pump(self) -> None:
        """Makes keys ready when they are due; runs until cancelled."""
        while True:
            self._changed.clear()
            now = self.clock()
            while self._heap and self._heap[0][0] <= now:
                due, key = heapq.heappop(self._heap)
                if self._due.get(key) == due:
                    self._make_ready(key)
            pause = self._heap[0][0] - now if self._heap else None
            try:
                async with asyncio.timeout(pause):
                    await self._changed.wait()
            except TimeoutError:
                continue
