"""What was too large to read a moment ago? It is not read again up to its limit, window after window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from serin.errors import AnswerTooLarge
from serin.prometheus.wants import Kind, Want

BELIEVED_SECONDS = 300.0
"""After that it is tried again: pods come and go."""


@dataclass(frozen=True, slots=True)
class _Noted:
    reach: timedelta
    """The shortest that was too large."""
    until: float
    error: AnswerTooLarge


class LargeAnswers:
    """Remembers them by what was wanted; ``clock`` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._noted: dict[Kind, _Noted] = {}

    def check(self, want: Want) -> None:
        """``AnswerTooLarge`` if as long a reach of the same was too large lately."""
        noted = self._noted.get(want.kind)
        if noted is not None and self._clock() < noted.until and want.end - want.start >= noted.reach:
            raise noted.error.about(noted.error.query)  # a copy: an error that is raised again keeps its whole past

    def note(self, want: Want, error: AnswerTooLarge) -> None:
        """This was too large."""
        now = self._clock()
        self._noted = {kind: noted for kind, noted in self._noted.items() if now < noted.until}
        self._noted[want.kind] = _Noted(want.end - want.start, now + BELIEVED_SECONDS, error)
