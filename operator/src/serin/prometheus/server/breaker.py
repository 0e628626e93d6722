"""Is a server worth asking now? After failures in a row it is left alone for a while, and then probed by one query.

Without this, many rollouts would queue behind a dead server, each for its whole deadline, and workers with them. The
pauses are short on purpose: an outage must not last noticeably longer for a judge than for Prometheus itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from serin.errors import MetricsError, MetricsUnavailable
from serin.prometheus.server.answer import PartialAnswer

FAILURES = 3
"""In a row, and the server is left alone."""
FIRST_PAUSE = 1.0
"""Seconds; doubles with every probe that fails."""
LONGEST_PAUSE = 5.0
"""Seconds; about what a window of 15 s waits for its samples anyway."""
LONGEST_WISH = 15.0
"""Seconds; a longer Retry-After would blind the watch for more than a window."""


class Breaker:
    """The memory of one server's failures. Only ``MetricsUnavailable`` is one: any other answer shows a live server.

    So does a partial one, although it is of no use: a store that is away behind a query is not the way to all others.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures = 0
        self._pause = 0.0
        self._asked_again_at = -math.inf
        self._probing = False
        self._cause = ""

    @property
    def is_open(self) -> bool:
        """Whether the server is left alone, but for probes."""
        return self._failures >= FAILURES

    @contextmanager
    def call(self) -> Iterator[None]:
        """One query, attempts and all; ``MetricsUnavailable`` at once while the server is left alone."""
        probe = self._admit()
        try:
            yield
        except MetricsError as error:
            if isinstance(error, MetricsUnavailable) and not isinstance(error, PartialAnswer):
                raise self._failed(error) from None
            self._failures = 0
            raise
        else:
            self._failures = 0
        finally:
            if probe:
                self._probing = False

    def _admit(self) -> bool:
        """Whether this call is the probe."""
        if not self.is_open:
            return False
        if self._probing or self._clock() < self._asked_again_at:
            raise MetricsUnavailable(self._told(self._cause))
        self._probing = True
        return True

    def _failed(self, error: MetricsUnavailable) -> MetricsUnavailable:
        self._failures += 1
        if self._failures < FAILURES:
            return error
        now = self._clock()
        if now >= self._asked_again_at:  # else it was under way when the pause began, and adds nothing to it
            pause = FIRST_PAUSE if self._failures == FAILURES else min(2 * self._pause, LONGEST_PAUSE)
            self._pause = max(pause, min(error.retry_after or 0.0, LONGEST_WISH))
            self._asked_again_at = now + self._pause
            self._cause = error.cause
        return MetricsUnavailable(self._told(error.cause), retry_after=error.retry_after)

    def _told(self, cause: str) -> str:
        """The same words as long as the cause is the same: a message that changes is a write of every status."""
        return f"{cause} (failed {FAILURES} times or more in a row; next try within {math.ceil(self._pause)} s)"
