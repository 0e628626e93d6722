"""Has a mean shifted, candidate against stable? A normal-mixture test on batch means, valid at any stopping time.

``S`` sums the differences of the batches' means beyond the allowed shift, ``v`` their variances; for a mixture with
tuning ``r`` the one-sided statistic is ``ln E = ln(4r/(v+r))/2 + S^2/(2(v+r)) + ln Phi(S/sqrt(v+r))`` (Howard, Ramdas,
McAuliffe and Sekhon 2021, arXiv 1810.08240, equation 14). The variance per request comes from the stable arm's batches
and is inflated by ``(1 + f)/(1 - f)`` for their lag-1 autocorrelation ``f``: ignoring it turns 1 % of false alarms into
20 % (f = 0.5) or 66 % (f = 0.8).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from serin.evidence import NO_REQUESTS, Interval, Mean, MeanWindow, SloReport
from serin.judge.process import log10_e
from serin.judge.slo import Progress, ShiftSettings, of_kind
from serin.schema.reasons import Verdict

BATCH = timedelta(minutes=1)
KEPT_BATCHES = 120
FEWEST_BATCHES = 6
_MOST_CORRELATED = 0.95
_PRIOR_BATCHES = 10.0
"""The mixture is tuned to be sharpest after about so many batches."""


def log_mixture(total: float, variance: float, tuning: float) -> float:
    """Natural logarithm of the one-sided normal mixture at sum ``total`` with intrinsic time ``variance``."""
    spread = variance + tuning
    z = total / math.sqrt(spread)
    below = 0.5 * math.erfc(-z / math.sqrt(2))
    # Far below zero erfc underflows; the tail's leading term takes over (Mills' ratio).
    log_below = math.log(below) if z > -30 else -z * z / 2 - math.log(-z * math.sqrt(2 * math.pi))  # noqa: PLR2004
    return 0.5 * math.log(4 * tuning / spread) + z * z / 2 + log_below


@dataclass(slots=True)
class _Batch:
    """Sums over one batch of windows, per arm."""

    end: datetime
    candidate: float = 0.0
    candidate_count: int = 0
    stable: float = 0.0
    stable_count: int = 0

    def take(self, candidate: Mean | None, stable: Mean | None) -> None:
        if candidate is not None:
            self.candidate += candidate.value * candidate.count
            self.candidate_count += candidate.count
        if stable is not None:
            self.stable += stable.value * stable.count
            self.stable_count += stable.count


class _Scatter:
    """How much do stable's batch means scatter? Per request, with their autocorrelation."""

    def __init__(self) -> None:
        self._means: deque[tuple[float, int]] = deque(maxlen=KEPT_BATCHES)

    def add(self, mean: float, count: int) -> None:
        self._means.append((mean, count))

    @property
    def variance(self) -> float | None:
        """Variance per request, inflated; None as long as nobody can say."""
        count = len(self._means)
        if count < FEWEST_BATCHES:
            return None
        centre = math.fsum(m * n for m, n in self._means) / sum(n for _, n in self._means)
        residuals = [(m - centre) * math.sqrt(n) for m, n in self._means]
        square = math.fsum(r * r for r in residuals)
        if not square:
            return None
        lagged = math.fsum(a * b for a, b in pairwise(residuals))
        correlation = min(_MOST_CORRELATED, max(0.0, lagged / square))
        # Few batches know their variance badly: square / (n - 1), times the t law's (n - 1)/(n - 3).
        return square / (count - 3) * (1 + correlation) / (1 - correlation)


class _Side:
    """Evidence that the shift is beyond a bound, in one direction."""

    def __init__(self, sign: float, bound: float) -> None:
        self._sign, self._bound = sign, bound
        self._sum = self._time = 0.0
        self.log_e = 0.0

    def add(self, difference: float, variance: float) -> None:
        """Takes one batch: the difference of the means and its variance; scaled to unit variance."""
        scale = math.sqrt(variance)
        self._sum += (self._sign * difference - self._bound) / scale
        self._time += 1.0
        self.log_e = log_mixture(self._sum, self._time, _PRIOR_BATCHES)


class ShiftJudge:
    """Folds windows of means in order."""

    def __init__(self, settings: ShiftSettings) -> None:
        self.settings = settings
        self._progress = Progress()
        self._scatter = _Scatter()
        self._batch: _Batch | None = None
        limit = settings.max_shift
        self._worse = (_Side(1.0, limit), _Side(-1.0, limit))
        self._inside = (_Side(1.0, -limit), _Side(-1.0, -limit))
        self._threshold = log10_e(math.log(2 / settings.alpha))
        self._pass_threshold = log10_e(math.log(2 / settings.beta))
        self.breached_at: datetime | None = None
        self.passed_at: datetime | None = None
        self._shift = 0.0

    def add(self, interval: Interval) -> None:
        """Takes the next window; stable's means alone teach how much they scatter."""
        window = of_kind(MeanWindow, interval)
        if self._batch is not None and window.start >= self._batch.end:
            self._close(self._batch)
            self._batch = None
        self._progress.take(window)
        if window.error:
            return
        if self._batch is None:
            self._batch = _Batch(window.start + max(BATCH, window.length))
        self._batch.take(window.candidate, window.stable)

    def _close(self, batch: _Batch) -> None:
        """Judges a batch by the scatter of those before it, and learns from it."""
        variance = self._scatter.variance
        if batch.stable_count:
            self._scatter.add(batch.stable / batch.stable_count, batch.stable_count)
        if variance is None or not batch.candidate_count or not batch.stable_count:
            return
        self._shift = batch.candidate / batch.candidate_count - batch.stable / batch.stable_count
        scatter = variance * (1 / batch.candidate_count + 1 / batch.stable_count)
        for side in (*self._worse, *self._inside):
            side.add(self._shift, scatter)
        if self.breached_at is None and self._harm >= self._threshold:
            self.breached_at = batch.end
        if self.passed_at is None and self._harmless >= self._pass_threshold:
            self.passed_at = batch.end

    @property
    def _harm(self) -> float:
        return log10_e(max(side.log_e for side in self._worse))

    @property
    def _harmless(self) -> float:
        """A shift beyond the limit must be excluded in both directions."""
        return log10_e(min(side.log_e for side in self._inside))

    def report(self, step_started_at: datetime | None, missing: Interval | None = None) -> SloReport:
        """The verdict now; see :class:`serin.judge.slo.SloJudge`."""
        passes = self.passed_at is not None
        verdict, reason = self._progress.verdict(self.breached_at, missing, passes=passes)
        return SloReport(
            name=self.settings.name,
            severity=self.settings.severity,
            verdict=verdict,
            reason=reason,
            candidate=NO_REQUESTS,
            stable=NO_REQUESTS,
            evidence={"shift": self._harm, "inside": self._harmless},
            threshold=self._threshold,
            pass_threshold=self._pass_threshold,
            breached_at=self.breached_at,
            passed_at=self.passed_at,
            step_time=self._progress.step_time(step_started_at),
            newest=missing or self._progress.newest,
            known_until=self._progress.known_until,
            message=self._message(verdict, missing),
        )

    def _message(self, verdict: Verdict, missing: Interval | None) -> str:
        s = self.settings
        if verdict in {Verdict.NO_DATA, Verdict.ERROR}:
            return f"{s.name}: {self._progress.why_no_data(missing)}"
        return (
            f"{s.name}: newest shift against stable {self._shift:+.4g}, at most {s.max_shift:g} either way; "
            f"evidence for a larger one {self._harm:.2f} of {self._threshold:.2f}, for none {self._harmless:.2f} of "
            f"{self._pass_threshold:.2f}"
        )
