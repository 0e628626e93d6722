"""What does a gauge say? A limit, broken by several of the newest evaluations; a single one misfires within the hour.

A population stability index has no fixed limit: without any drift it is distributed as
``(1/n + 1/m) * chi2(bins - 1)`` (n rows of the candidate, m of the reference; Yurdakul and Naranjo 2020), so the limit
in force is at least that law's ``1 - alpha`` quantile, by Wilson and Hilferty's approximation (1931).
"""

from __future__ import annotations

import math
from collections import deque
from datetime import datetime
from statistics import NormalDist

from serin.evidence import NO_REQUESTS, Evaluation, Interval, SloReport
from serin.judge.process import log10_e
from serin.judge.slo import GaugeSettings, Progress, of_kind
from serin.schema.choices import Severity
from serin.schema.reasons import Verdict


def chi2_quantile(degrees: int, probability: float) -> float:
    """Quantile of the chi-squared law, to better than 1 % for two degrees and more."""
    k = 2 / (9 * degrees)
    return degrees * float((1 - k + NormalDist().inv_cdf(probability) * math.sqrt(k)) ** 3)


def stability_limit(limit: float, alpha: float, bins: int, sizes: tuple[int, int]) -> float:
    """The limit for a population stability index from samples of these sizes."""
    return max(limit, chi2_quantile(bins - 1, 1 - alpha) * (1 / sizes[0] + 1 / sizes[1]))


class GaugeJudge:
    """Folds evaluations in order."""

    def __init__(self, settings: GaugeSettings) -> None:
        self.settings = settings
        self._progress = Progress()
        self._recent: deque[bool] = deque(maxlen=settings.of)
        self._last_sample: datetime | None = None
        self._without_sizes = False
        self.breached_at: datetime | None = None
        self.passed_at: datetime | None = None

    def add(self, interval: Interval) -> None:
        """Takes the next evaluation; a sample that was counted already is not counted again."""
        look = of_kind(Evaluation, interval)
        if not self._progress.take(look) or look.value is None:
            return
        if look.sampled_at is not None:
            if self._last_sample is not None and look.sampled_at <= self._last_sample:
                return
            self._last_sample = look.sampled_at
        high = self._high(look)
        self._without_sizes = high is None and self.settings.bins is not None
        if self._without_sizes:
            return
        low = self.settings.low
        above = high is not None and look.value > high
        self._recent.append(above or (low is not None and look.value < low))
        failing = sum(self._recent) >= self.settings.limit
        if failing and self.breached_at is None:
            self.breached_at = look.end
        elif not failing and self.settings.severity is not Severity.CRITICAL:
            self.breached_at = None  # what blocks may recover; what rolls back has rolled back
        if self.passed_at is None and self._inside:
            self.passed_at = look.end

    def _high(self, evaluation: Evaluation) -> float | None:
        s = self.settings
        if s.bins is None or s.high is None:
            return s.high
        if evaluation.sizes is None or min(evaluation.sizes) < 1:
            return None
        return stability_limit(s.high, s.alpha, s.bins, evaluation.sizes)

    @property
    def _inside(self) -> bool:
        """Enough evaluations, few breaches, and the newest is none."""
        full = len(self._recent) == self.settings.of
        return full and sum(self._recent) < self.settings.limit and not self._recent[-1]

    def report(self, step_started_at: datetime | None, missing: Interval | None = None) -> SloReport:
        """The verdict now; see :class:`serin.judge.slo.SloJudge`."""
        passes = self._inside and not self._without_sizes
        verdict, reason = self._progress.verdict(self.breached_at, missing, passes=passes)
        return SloReport(
            name=self.settings.name,
            severity=self.settings.severity,
            verdict=verdict,
            reason=reason,
            candidate=NO_REQUESTS,
            stable=NO_REQUESTS,
            evidence={},
            threshold=log10_e(-math.log(self.settings.alpha)),
            pass_threshold=0.0,
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
        if self._without_sizes:
            return f"{s.name}: the sample sizes are not given, and without them a stability index says nothing"
        newest = self._progress.newest
        value = newest.value if isinstance(newest, Evaluation) else None
        bounds = (("at most", s.high), ("at least", s.low))
        limits = " and ".join(f"{words} {bound:g}" for words, bound in bounds if bound is not None)
        return (
            f"{s.name}: newest value {value}, limit {limits}; {sum(self._recent)} of the newest {len(self._recent)} "
            f"evaluations breach it ({s.limit} of {s.of} fail)"
        )
