"""Query: a mean, candidate against stable, by a normal-mixture test on batch means, valid at any stopping time.

``S`` sums the differences of the batches' means beyond the allowed shift, ``v`` their variances; for a mixture with
tuning ``r`` the one-sided statistic is ``ln E = ln(4r/(v+r))/2 + S^2/(2(v+r)) + ln Phi(S/sqrt(v+r))`` (Howard, Ramdas,
McAuliffe and Sekhon 2021, arXiv 1810.08240, equation 14). The variance per request comes from the stable arm's batches
and is inflated by ``(1 + f)/(1 - f)`` for their lag-1 autocorrelation ``f``: ignoring it turns 1 % of false alarms into
20 % (f = 0.5) or 66 % (f = 0.8).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, model_validator

from serin.evidence import Interval, Mean, MeanWindow
from serin.indicators import measurements
from serin.indicators.arm_label import ArmLabel
from serin.indicators.kind import IndicatorKind
from serin.indicators.lines import BothArms, Count, Number, fields_of
from serin.indicators.measurements import Measurement
from serin.indicators.stored import NO_DATA, join_arms, split_arms
from serin.judge.process import log10_e
from serin.judge.slo import Findings, SloJudge, SloSettings, of_kind
from serin.schema.choices import Arms
from serin.schema.odds import odds, part
from serin.schema.reasons import Verdict
from serin.schema.types import Query, SignedDecimalString, validations

BATCH = timedelta(minutes=1)
KEPT_BATCHES = 120
FEWEST_BATCHES = 6
_MOST_CORRELATED = 0.95
_PRIOR_BATCHES = 10.0
"""The mixture is tuned to be sharpest after about so many batches."""


class MeanQuery(IndicatorKind):
    """The mean of a quantity per arm, candidate against stable, from a sum and a count."""

    kind: ClassVar[str] = "query"
    takes_objective: ClassVar[bool] = False

    sum: Query
    """Selector of the counter whose increase is divided by that of ``count``; the arm's labels are added."""
    count: Query
    """As ``sum``."""
    max_shift: SignedDecimalString
    """A mean further than this from stable's, either way, is a breach."""
    arms: Arms | None = None
    """By what these counters tell the arms apart; default: the policy's ``arms``."""
    arm_label: ArmLabel | None = None
    """A label of these counters that tells the arms apart, instead of that of ``arms``."""

    model_config: ClassVar = {"json_schema_extra": validations(("double(self.maxShift) > 0.0", "maxShift is above 0"))}

    @model_validator(mode="after")
    def _positive(self) -> MeanQuery:
        if self.max_shift <= 0:
            message = "maxShift is above 0"
            raise ValueError(message)
        return self

    @property
    def own_arms(self) -> Arms | None:
        """Its own ``arms``."""
        return self.arms

    def measurement(self, arms: Arms) -> Measurement:
        """The increase of the sum over that of the count."""
        return measurements.Mean(arms, self.sum, self.count, self.arm_label)

    def judge(self, settings: SloSettings) -> SloJudge:
        """Compares the means of both arms."""
        return ShiftJudge(settings, float(self.max_shift))

    def empty(self, start: datetime, length: timedelta, error: str = "") -> Interval:
        """A window without means."""
        return MeanWindow(start, length, None, error=error)

    def to_text(self, interval: Interval) -> str:
        """``mean:count`` of each arm."""
        window = of_kind(MeanWindow, interval)
        return join_arms(_text(window.candidate), _text(window.stable), window.error)

    def from_text(self, text: str, start: datetime, length: timedelta) -> Interval:
        """The window that ``to_text`` wrote."""
        candidate, stable, error = split_arms(text)
        return MeanWindow(start, length, _mean(candidate), _mean(stable), error=error)

    @property
    def line_fields(self) -> Mapping[str, frozenset[str]]:
        """See :class:`serin.indicators.kind.IndicatorKind`."""
        return _FIELDS

    def from_line(
        self, line: Mapping[str, Any], start: datetime, length: timedelta, context: dict[str, Any]
    ) -> Interval:
        """``mean`` and ``count`` of each arm."""
        own = _Line.model_validate(line, context=context)
        return MeanWindow(start, length, *own.each(lambda arm: Mean(arm.mean or 0.0, arm.count)))


def _of_events(mean: float | None, info: ValidationInfo) -> float | None:
    if not info.data.get("count"):
        return None
    if mean is None:
        raise ValueError("is missing")
    return mean


class _ArmLine(BaseModel):
    """One arm in a line of a windows file; without events it has no mean."""

    count: Count
    mean: Annotated[Number | None, AfterValidator(_of_events), Field(validate_default=True)] = None


_Line = BothArms[_ArmLine]
_FIELDS = fields_of(_Line)


def _text(mean: Mean | None) -> str:
    return f"{mean.value!r}:{mean.count}" if mean else NO_DATA


def _mean(text: str) -> Mean | None:
    if text == NO_DATA:
        return None
    value, count = text.split(":")
    return Mean(float(value), int(count))


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


class ShiftJudge(SloJudge):
    """Folds windows of means in order."""

    def __init__(self, settings: SloSettings, max_shift: float) -> None:
        super().__init__(settings)
        self._max_shift = max_shift
        self._scatter = _Scatter()
        self._batch: _Batch | None = None
        self._worse = (_Side(1.0, max_shift), _Side(-1.0, max_shift))
        self._inside = (_Side(1.0, -max_shift), _Side(-1.0, -max_shift))
        self._threshold = log10_e(math.log(2 / settings.alpha))
        self._pass_threshold = log10_e(math.log(2 / settings.beta))
        self._shift = 0.0

    def add(self, interval: Interval) -> None:
        """Takes the next window; stable's means alone teach how much they scatter."""
        window = of_kind(MeanWindow, interval)
        if self._batch is not None and window.start >= self._batch.end:
            self._close(self._batch)
            self._batch = None
        self.progress.take(window)
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

    def findings(self, missing: Interval | None) -> Findings:
        """What the batches so far say; see :class:`serin.judge.slo.SloJudge`."""
        verdict, reason = self.progress.verdict(self.breached_at, missing, passes=self.passed_at is not None)
        return Findings(
            verdict,
            reason,
            self._message(verdict, missing),
            threshold=self._threshold,
            pass_threshold=self._pass_threshold,
            passed_at=self.passed_at,
            evidence={"shift": self._harm, "inside": self._harmless},
        )

    def _message(self, verdict: Verdict, missing: Interval | None) -> str:
        name = self.settings.name
        if verdict in {Verdict.NO_DATA, Verdict.ERROR}:
            return f"{name}: {self.progress.why_no_data(missing)}"
        return (
            f"{name}: newest shift against stable {self._shift:+.4g}, at most {self._max_shift:g} either way; "
            f"evidence: {odds(self._harm)} for a larger one ({odds(self._threshold)} is proof); "
            f"{part(self._harmless, self._pass_threshold)} of the evidence for passing"
        )
