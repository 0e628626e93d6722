"""How is the load doing right now, per version?

Written by the thread that sends, read by the one that shows; a lock keeps the two apart.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2e.load.answer import Answer

KEPT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests of one version in some span of time."""

    total: int = 0
    failed: int = 0

    @property
    def failed_percent(self) -> float:
        """Share of failed requests in percent; 0 without requests."""
        return 100 * self.failed / self.total if self.total else 0.0


class LiveCounts:
    """Counts of answers per version: since the start, and in the last seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals: Counter[tuple[str, bool]] = Counter()
        self._seconds: deque[tuple[int, Counter[tuple[str, bool]]]] = deque(maxlen=KEPT_SECONDS)

    def add(self, answer: Answer) -> None:
        """Count an answer in the second in which it was complete."""
        key, second = (answer.version, answer.failed), int(answer.at)
        with self._lock:
            self._totals[key] += 1
            if not self._seconds or self._seconds[-1][0] < second:
                self._seconds.append((second, Counter()))
            self._seconds[-1][1][key] += 1

    def totals(self) -> dict[str, Counts]:
        """Per version, everything so far."""
        with self._lock:
            return _by_version(self._totals)

    def recent(self, seconds: int, now: float) -> dict[str, Counts]:
        """Per version, the last ``seconds`` full seconds before ``now`` (epoch), at most ``KEPT_SECONDS``."""
        first, end = int(now) - seconds, int(now)
        with self._lock:
            window: Counter[tuple[str, bool]] = Counter()
            for second, counts in self._seconds:
                if first <= second < end:
                    window.update(counts)
        return _by_version(window)


def _by_version(counts: Counter[tuple[str, bool]]) -> dict[str, Counts]:
    return {
        version: Counts(counts[version, False] + counts[version, True], counts[version, True])
        for version in sorted({version for version, _ in counts})
    }
