"""Circuit breaker of one server: after failures in a row it is not asked for a while, and then probed by one query.

Without it, many rollouts would queue behind a dead server, each for its whole deadline, and workers with them. The
pauses are short, so that an outage lasts hardly longer for a judge than for Prometheus itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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


class Breaker:
    """Counts the failures of one server. Only ``MetricsUnavailable`` is one: any other error shows a live server.

    A partial answer is none either: one store behind a query is away, and the server may answer all other queries.
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
        """Whether the server gets probes only."""
        return self._failures >= FAILURES

    @contextmanager
    def call(self) -> Iterator[None]:
        """Runs one query with all its attempts; ``MetricsUnavailable`` at once while the breaker is open."""
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
        """Whether this call is a probe; ``MetricsUnavailable`` if it may not be sent."""
        if not self.is_open:
            return False
        if self._probing or self._clock() < self._asked_again_at:
            raise MetricsUnavailable(self._message(self._cause))
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
        return MetricsUnavailable(self._message(error.cause), retry_after=error.retry_after)

    def _message(self, cause: str) -> str:
        """The same text as long as the cause is the same: each change of it would be written to every status."""
        return f"{cause} (failed {FAILURES} times or more in a row; next try within {math.ceil(self._pause)} s)"
