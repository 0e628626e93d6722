"""Whether the newest windows of a candidate look worse than its own time before.

A restarting test has a part of its capital for bets that begin after a suspicion. A healthy day has few of them, so
that a fault after it meets nearly all of that part, while the steady bets weigh less with every window. The guarantee
does not rest on it: any suspicion will do that depends on earlier windows only.

It is Page's cumulative sum (1954) for a Poisson count: of the likelihood ratio of so many times the share that was seen
before, and never below 1.
"""

from __future__ import annotations

import math

from serin.evidence import Counts

TIMES = (2, 3, 5, 8, 13, 21, 34, 55)
"""Multiples of the candidate's share before that are looked for."""
RAISED_AT = 8.0
"""Natural logarithm: a healthy candidate of ten requests a second raises about five in a day of one-second windows."""
_LOGS = tuple(math.log(times) for times in TIMES)


class Suspicion:
    """Fed the candidate's windows; ``raised`` is asked before the next one."""

    __slots__ = ("_one_bad_in", "_sums", "raised")

    def __init__(self, bad_share: float) -> None:
        self._one_bad_in = 1 / bad_share
        self._sums = [0.0] * len(TIMES)
        self.raised = False
        """Whether the newest window raised it; the sums have begun anew then."""

    def add(self, window: Counts, before: Counts, phi: float) -> None:
        """Takes one window, with all counts of the candidate before it and the divisor of its increments."""
        if not window.bad and not any(self._sums):  # most windows
            self.raised = False
            return
        # Without any history: as much as the objective allows.
        expected = window.total * (before.bad + 1) / (before.total + self._one_bad_in)
        self._sums = [
            max(0.0, s + (window.bad * log - expected * (times - 1)) / phi)
            for s, log, times in zip(self._sums, _LOGS, TIMES, strict=True)
        ]
        self.raised = max(self._sums) >= RAISED_AT
        if self.raised:
            self._sums = [0.0] * len(TIMES)
