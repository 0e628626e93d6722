"""The workers: they take keys from the queue, run passes, back off after failures and requeue each key."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars

from serin.controller.metrics.process import PASS_SECONDS, QUEUE_DEPTH
from serin.controller.telling.passes import OK, Traced, not_traced, pass_ended
from serin.controller.workqueue import GONE, LONGEST_BACKOFF, LONGEST_OUTAGE_BACKOFF, Gone, Key, WorkQueue
from serin.errors import Conflict, SerinError, Unavailable
from serin.tracing.recording import exemplar

log = structlog.get_logger()


class Loop:
    """Runs ``reconcile`` for the keys of a queue."""

    def __init__(
        self,
        reconcile: Callable[[Key], Awaitable[datetime | Gone | None]],
        clock: Callable[[], datetime],
        resync: timedelta,
        longest_backoff: Callable[[Key], float | None] = lambda _: None,
        *,
        traced: Traced = not_traced,
    ) -> None:
        """``longest_backoff`` gives the longest pause of a key after a failed pass, in seconds; None for no bound.

        It keeps the breach watch running while a candidate gets requests. It is called after each failure, and must
        not raise. ``resync`` is the longest time between two passes over a key. ``traced`` surrounds each pass.
        """
        self.queue = WorkQueue(time.monotonic)
        self._reconcile, self._clock, self._resync = reconcile, clock, resync
        self._longest_backoff, self._traced = longest_backoff, traced

    async def run(self, workers: int) -> None:
        """Runs the workers until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.queue.pump())
            for _ in range(workers):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            QUEUE_DEPTH.set(self.queue.depth)
            clear_contextvars()  # what the last pass of this worker has noted for its lines of the log
            bind_contextvars(namespace=key[0], name=key[1])
            with self._traced(key):
                wait = await self._timed(key)
            if wait is not None:
                self.queue.add_at(key, time.monotonic() + wait)

    async def _timed(self, key: Key) -> float | None:
        started = time.monotonic()
        try:
            return await self._once(key)
        finally:
            self.queue.done(key)
            PASS_SECONDS.observe(time.monotonic() - started, exemplar())

    async def _once(self, key: Key) -> float | None:
        """One pass; returns the seconds until the next one, or None if the key is forgotten."""
        try:
            wake_at = await self._reconcile(key)
        except Conflict as error:
            pass_ended("conflict", error)
            return self._pause_after(error, key)
        except SerinError as error:
            pass_ended("error", error)
            log.warning("pass failed", namespace=key[0], name=key[1], error=str(error), kind=type(error).__name__)
            return self._pause_after(error, key)
        except Exception as error:
            pass_ended("bug", error)
            log.exception("pass failed", namespace=key[0], name=key[1])
            return self._pause_after(error, key)
        pass_ended(OK)
        if wake_at is GONE:
            self.queue.forget(key)
            return None
        self.queue.succeeded(key)
        resync = self._resync.total_seconds() * random.uniform(0.9, 1.1)  # noqa: S311 - jitter, not a secret
        if wake_at is None:
            return resync
        return min(resync, max(0.0, (wake_at - self._clock()).total_seconds()))

    def _pause_after(self, error: Exception, key: Key) -> float:
        """The backoff after a failed pass, in seconds."""
        bound = self._longest_backoff(key)
        if isinstance(error, Conflict):
            return self.queue.conflicted(key, bound)
        longest = LONGEST_OUTAGE_BACKOFF if isinstance(error, Unavailable) else LONGEST_BACKOFF
        return self.queue.failed(key, longest if bound is None else min(longest, bound))
