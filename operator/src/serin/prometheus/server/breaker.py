"""Circuit breaker: after failures in a row a server is not asked for a while, and then probed by Serin's own query.

Without it, many rollouts would queue behind a dead server, each for its whole deadline, and workers with them. The
pauses are short, so that an outage lasts hardly longer for a judge than for Prometheus itself.

Each purpose has its own breaker. The probe (``vector(1)``) reads no series: it tells a dead server from a query that
is too much for a server that lives.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeGuard

from serin.errors import MetricsError, MetricsUnavailable
from serin.prometheus.server.answer import PartialAnswer

FAILURES = 3
"""So many in a row open the breaker."""
FIRST_PAUSE = 1.0
"""Seconds; doubles with every probe that fails."""
LONGEST_PAUSE = 5.0
"""Seconds; about what a window of 15 s waits for its samples anyway."""
LONGEST_WISH = 15.0
"""Seconds; a longer Retry-After would blind the watch for more than a window."""

Probe = Callable[[], Awaitable[object]]


class Breaker:
    """Counts the failures of one server. Only ``MetricsUnavailable`` is one: any other error shows a live server.

    A partial answer is none either: one store behind a query is away, and the server may answer all other queries.

    With ``blames_query`` failures are taken for the queries' own doing: the server is left alone only if it does not
    answer the probe either.
    """

    def __init__(self, clock: Callable[[], float], *, blames_query: bool = False) -> None:
        self._clock, self._blames_query = clock, blames_query
        self._failures = 0
        self._left = FAILURES
        """Failures until it opens."""
        self._pause = 0.0
        """Seconds; 0 while the server is not known to be away."""
        self._asked_again_at = -math.inf
        self._probing: asyncio.Task[None] | None = None
        self._cause = ""

    @property
    def is_open(self) -> bool:
        """Whether the server is left alone: it gets probes only."""
        return self._must_probe and self._pause > 0

    @property
    def _must_probe(self) -> bool:
        return self._left <= 0

    @asynccontextmanager
    async def call(self, probe: Probe) -> AsyncIterator[None]:
        """Runs one query with all its attempts; ``MetricsUnavailable`` without it while the server is left alone."""
        if self._must_probe:
            await self._admit(probe)
        try:
            yield
        except MetricsError as error:
            if _is_failure(error):
                raise self._failed(error) from None
            self._answered()
            raise
        else:
            self._answered()

    async def _admit(self, probe: Probe) -> None:
        """Returns when the server has answered a probe; ``MetricsUnavailable`` if it has not, or is not probed yet."""
        if self._probing is None and self._clock() >= self._asked_again_at:
            self._probing = asyncio.create_task(self._probe(probe))
        elif self.is_open:  # who waited for somebody else's probe would wait as long as for an answer
            raise self._refusal
        # In a task of its own: the others wait for it, too, when the one who began it does no longer.
        if self._probing is not None:
            await asyncio.shield(self._probing)
        if self._must_probe:
            raise self._refusal

    async def _probe(self, probe: Probe) -> None:
        try:
            await probe()
        except MetricsError as error:
            if _is_failure(error):
                self._leave_alone(error)
                return
        finally:
            self._probing = None
        self._left = FAILURES
        if self._blames_query:
            self._answered()

    def _answered(self) -> None:
        """Notes that the server lives. After a probe alone the next pause still is a longer one."""
        self._failures, self._left, self._pause = 0, FAILURES, 0.0

    def _failed(self, error: MetricsUnavailable) -> MetricsUnavailable:
        opens = self._left == 1  # what was under way when the pause began adds nothing to it
        self._failures, self._left = self._failures + 1, max(0, self._left - 1)
        if opens:
            self._cause = error.cause
        if opens and not self._blames_query:
            self._leave_alone(error)
        if self._failures < FAILURES or not self._pause:
            return error
        return MetricsUnavailable(self._message(error.cause), retry_after=error.retry_after)

    def _leave_alone(self, error: MetricsUnavailable) -> None:
        pause = min(2 * self._pause, LONGEST_PAUSE) if self._pause else FIRST_PAUSE
        self._pause = max(pause, min(error.retry_after or 0.0, LONGEST_WISH))
        self._asked_again_at = self._clock() + self._pause
        self._cause = error.cause

    @property
    def _refusal(self) -> MetricsUnavailable:
        return MetricsUnavailable(self._message(self._cause))

    def _message(self, cause: str) -> str:
        """The same text as long as the cause is the same: each change of it would be written to every status."""
        return f"{cause} (failed {FAILURES} times or more in a row; next try within {math.ceil(self._pause)} s)"


def _is_failure(error: MetricsError) -> TypeGuard[MetricsUnavailable]:
    """Whether the server may be away."""
    return isinstance(error, MetricsUnavailable) and not isinstance(error, PartialAnswer)
