"""Bursts of bad requests, estimated from the stable arm, and how much less each bad request then counts.

Requests that fail together break the binomial model. From stable's newest 30 minutes the negative-binomial excess
``c`` is estimated by the method of moments (variance = mean + c mean^2), and every log-likelihood increment is divided
by ``phi = 1 + c * expected bad requests of the candidate per minute``. With Poisson errors phi is 1. For a phi that is
fixed before the window, Jensen's inequality keeps the guarantee: ``E[f^(1/phi)] <= E[f]^(1/phi) <= 1``. ``c`` is at
most ``LARGEST_EXCESS``: what varies more than that is told from a fault less surely, and a fault is found sooner.
"""

from __future__ import annotations

import math
from collections import deque
from datetime import datetime, timedelta

from serin.evidence import Counts, Window

BUCKET = timedelta(minutes=1)
KEPT_BUCKETS = 30
FEWEST_BUCKETS = 5
"""Below this nothing is estimated; stable's history before the candidate fills it from the start."""
CAUTION = 1.5
"""Half an hour knows the excess badly: simulated at 0.9 % with bursts of CV 1 against an objective of 99 %, the bare
estimate let 2 % of healthy hours be taken back, this factor 0.25 %; without bursts it changes nothing."""
LARGEST_EXCESS = 4.0
"""The excess is bounded: bursts that vary by more than twice their mean (CV 2) are no longer put down to chance.

One minute with errors among 29 without gives an excess of up to 45, whatever its size: the estimate is then one burst,
not a habit. Unbounded, a version with 30 % errors was found 28 s after it began, not 5 s (docs/adr/0034).
"""
OUTAGE = 5.0
"""A minute in which stable's bad share is beyond this multiple of the allowed one is an outage, not a burst.

Otherwise a common outage would blunt the watch for half an hour after it.
"""


def tempered(step: list[float], phi: float) -> list[float]:
    """Increments divided by the dispersion."""
    return step if phi == 1.0 else [d / phi for d in step]


class Dispersion:
    """Fed every window's stable counts; asked for phi before the window is judged."""

    __slots__ = ("_bad", "_buckets", "_end", "_excess", "_outage", "_rate", "_rung", "_total")

    def __init__(self, outage_share: float = 1.0, rung: int | None = None) -> None:
        self._outage = outage_share
        self._rung = rung
        self._buckets: deque[tuple[int, int]] = deque(maxlen=KEPT_BUCKETS)
        self._end: datetime | None = None
        self._bad = self._total = 0
        self._excess = self._rate = 0.0

    @property
    def excess(self) -> float:
        """``c``: how much more than Poisson the bad requests of a minute vary, cautious and bounded; 0 for none."""
        return self._excess

    def phi(self, window: Window) -> float:
        """The divisor for the candidate's counts of this window, from the minutes that were over before it."""
        return self._phi(window, window.candidate)

    def phi_of_stable(self, window: Window) -> float:
        """The divisor for stable's own counts of this window."""
        return self._phi(window, window.stable)

    def _phi(self, window: Window, arm: Counts | None) -> float:
        self._close(window.start)
        if not self._excess or arm is None:
            return 1.0
        per_bucket = arm.total * max(1.0, BUCKET / window.length)
        return 1 + self._excess * self._rate * per_bucket

    def add(self, window: Window) -> None:
        """Takes stable's counts of one window."""
        self._close(window.start)
        if self._end is None:
            self._end = window.start + max(BUCKET, window.length)
        stable = window.stable
        if stable is None or window.error or (self._rung is not None and self._rung >= len(stable.ladder)):
            return
        self._bad += stable.bad if self._rung is None else stable.ladder[self._rung]
        self._total += stable.total

    def _close(self, now: datetime) -> None:
        if self._end is None or now < self._end:
            return
        if self._total and self._bad <= self._outage * self._total:
            self._buckets.append((self._bad, self._total))
            self._estimate()
        self._end, self._bad, self._total = None, 0, 0

    def _estimate(self) -> None:
        self._excess = 0.0
        bad, total = sum(b for b, _ in self._buckets), sum(n for _, n in self._buckets)
        if len(self._buckets) < FEWEST_BUCKETS or not 0 < bad < total:
            return
        rate = self._rate = bad / total
        chi2 = math.fsum((b - n * rate) ** 2 / (n * rate * (1 - rate)) for b, n in self._buckets)
        mean = bad / len(self._buckets)
        estimate = CAUTION * max(0.0, (chi2 / (len(self._buckets) - 1) - 1) / mean)
        self._excess = min(LARGEST_EXCESS, estimate)
