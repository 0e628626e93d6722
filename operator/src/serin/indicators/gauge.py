"""Gauge: a value with limits, broken by several of the newest evaluations; a single one misfires within the hour.

A population stability index has no fixed limit: without any drift it is distributed as
``(1/n + 1/m) * chi2(bins - 1)`` (n rows of the candidate, m of the reference; Yurdakul and Naranjo 2020), so the limit
in force is at least that law's ``1 - alpha`` quantile, by Wilson and Hilferty's approximation (1931).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from statistics import NormalDist
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from serin.evidence import Evaluation, Interval
from serin.indicators.kind import IndicatorKind
from serin.indicators.lines import Count, Number, fields_of, within
from serin.indicators.measurements import Measurement, Value
from serin.indicators.stored import NO_DATA, NOT_READ, UNREADABLE
from serin.judge.process import log10_e
from serin.judge.slo import Findings, SloJudge, SloSettings, of_kind
from serin.schema.choices import Arms, Severity
from serin.schema.reasons import Verdict
from serin.schema.types import ApiModel, Duration, Query, SignedDecimalString, validations


class Breaches(ApiModel):
    """How many of the newest evaluations must breach before that counts."""

    of: Annotated[int, Field(ge=1, le=100)] = 5
    """How many of the newest evaluations are looked at; default 5."""
    limit: Annotated[int, Field(ge=1, le=100)] = 3
    """How many of them outside the limits are a breach; default 3."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            (
                "(has(self.limit) ? self.limit : 3) <= (has(self.of) ? self.of : 5)",
                "limit is at most of: so many of the newest evaluations",
            )
        )
    }

    @model_validator(mode="after")
    def _attainable(self) -> Breaches:
        if self.limit > self.of:
            message = f"limit is at most of: {self.limit} of {self.of} can never breach"
            raise ValueError(message)
        return self


class Stability(ApiModel):
    """The gauge is a population stability index: its limit depends on the sample sizes behind it."""

    bins: Annotated[int, Field(ge=2, le=1000)] = 10
    """How many bins the index was computed with; default 10."""
    candidate_size: Query | None = None
    """Query for the number of rows of the candidate; without both sizes the index says nothing."""
    reference_size: Query | None = None
    """Query for the number of rows of the reference."""


class Gauge(IndicatorKind):
    """A value with limits."""

    kind: ClassVar[str] = "gauge"
    takes_objective: ClassVar[bool] = False
    compares_arms: ClassVar[bool] = False

    query: Query
    """PromQL query for one value, asked at the end of each window; it may name ``$(namespace)``,
    ``$(inferenceService)``, ``$(revision)``, ``$(version)`` and ``$(window)``."""
    max: SignedDecimalString | None = None
    """Above this an evaluation breaches."""
    min: SignedDecimalString | None = None
    """Below this an evaluation breaches."""
    breaches: Breaches = Breaches()
    max_age: Duration = timedelta(minutes=30)
    """An older sample is no data."""
    stability: Stability | None = None

    model_config: ClassVar = {
        "json_schema_extra": validations(
            ("has(self.max) || has(self.min)", "give max, min or both"),
            ("!has(self.stability) || has(self.max)", "a stability index needs max"),
            ("!has(self.min) || !has(self.max) || double(self.min) <= double(self.max)", "min is at most max"),
        )
    }

    @model_validator(mode="after")
    def _limited(self) -> Gauge:
        if self.max is None and (self.min is None or self.stability is not None):
            message = "a stability index needs max" if self.stability else "give max, min or both"
            raise ValueError(message)
        if self.max is not None and self.min is not None and self.min > self.max:
            message = "min is at most max"
            raise ValueError(message)
        return self

    def measurement(self, arms: Arms) -> Measurement:  # noqa: ARG002 - a value belongs to no arm
        """The query at the end of each window, and the sizes behind a stability index."""
        own = self.stability
        sizes = (own.candidate_size, own.reference_size) if own is not None else ()
        return Value(self.query, self.max_age, tuple(size for size in sizes if size is not None))

    def judge(self, settings: SloSettings) -> SloJudge:
        """Counts evaluations outside the limits."""
        return GaugeJudge(settings, self)

    def empty(self, start: datetime, length: timedelta, error: str = "") -> Interval:
        """No value."""
        return Evaluation(start, length, None, error=error)

    def to_text(self, interval: Interval) -> str:
        """``value``, ``@`` its sample's time in epoch seconds if it has one, and the sizes as ``/n/m``."""
        evaluation = of_kind(Evaluation, interval)
        if evaluation.error or evaluation.value is None:
            return UNREADABLE if evaluation.error else NO_DATA
        at = f"@{evaluation.sampled_at.timestamp()!r}" if evaluation.sampled_at else ""
        sizes = "".join(f"/{size}" for size in evaluation.sizes or ())
        return f"{evaluation.value!r}{at}{sizes}"

    def from_text(self, text: str, start: datetime, length: timedelta) -> Interval:
        """The evaluation that ``to_text`` wrote."""
        if text in {NO_DATA, UNREADABLE}:
            return self.empty(start, length, NOT_READ if text == UNREADABLE else "")
        measured, *sizes = text.split("/")
        value, _, at = measured.partition("@")
        pair = None
        if sizes:
            candidate, reference = map(int, sizes)
            pair = candidate, reference
        return Evaluation(start, length, float(value), datetime.fromtimestamp(float(at), UTC) if at else None, pair)

    @property
    def line_fields(self) -> Mapping[str, frozenset[str]]:
        """See :class:`serin.indicators.kind.IndicatorKind`."""
        return _FIELDS

    def from_line(
        self, line: Mapping[str, Any], start: datetime, length: timedelta, context: dict[str, Any]
    ) -> Interval:
        """``value`` with its ``age`` in seconds and the ``sizes`` behind a stability index."""
        own = _Line.model_validate(line, context=context)
        age = None if own.age is None else timedelta(seconds=own.age)
        if own.value is None or (age is not None and age > self.max_age):
            return self.empty(start, length)
        return Evaluation(start, length, own.value, None if age is None else start + length - age, own.sizes)


def _pair(sizes: object) -> object:
    if sizes is not None and not (isinstance(sizes, list) and len(sizes) == 2):  # noqa: PLR2004 - one per arm
        raise ValueError("expected [candidate, reference]")
    return sizes


class _Line(BaseModel):
    """A line of a windows file."""

    value: Number | None = None
    age: Annotated[Number, within(0, 10**9)] | None = None
    """Seconds from the sample to the window's end; without it each line has a sample of its own."""
    sizes: Annotated[tuple[Count, Count] | None, BeforeValidator(_pair)] = None


_FIELDS = fields_of(_Line)


def chi2_quantile(degrees: int, probability: float) -> float:
    """Quantile of the chi-squared law, to better than 1 % for two degrees and more."""
    k = 2 / (9 * degrees)
    return degrees * float((1 - k + NormalDist().inv_cdf(probability) * math.sqrt(k)) ** 3)


def stability_limit(limit: float, alpha: float, bins: int, sizes: tuple[int, int]) -> float:
    """The limit for a population stability index from samples of these sizes."""
    return max(limit, chi2_quantile(bins - 1, 1 - alpha) * (1 / sizes[0] + 1 / sizes[1]))


class GaugeJudge(SloJudge):
    """Folds evaluations in order."""

    def __init__(self, settings: SloSettings, gauge: Gauge) -> None:
        super().__init__(settings)
        self._high = None if gauge.max is None else float(gauge.max)
        self._low = None if gauge.min is None else float(gauge.min)
        self._bins = gauge.stability.bins if gauge.stability else None
        self._of, self._limit = gauge.breaches.of, gauge.breaches.limit
        self._recent: deque[bool] = deque(maxlen=self._of)
        self._last_sample: datetime | None = None
        self._without_sizes = False

    def add(self, interval: Interval) -> None:
        """Takes the next evaluation; a sample that was counted already is not counted again."""
        look = of_kind(Evaluation, interval)
        if not self.progress.take(look) or look.value is None:
            return
        if look.sampled_at is not None:
            if self._last_sample is not None and look.sampled_at <= self._last_sample:
                return
            self._last_sample = look.sampled_at
        high = self._upper_limit(look)
        self._without_sizes = high is None and self._bins is not None
        if self._without_sizes:
            return
        above = high is not None and look.value > high
        self._recent.append(above or (self._low is not None and look.value < self._low))
        failing = sum(self._recent) >= self._limit
        if failing and self.breached_at is None:
            self.breached_at = look.end
        elif not failing and self.settings.severity is not Severity.CRITICAL:
            self.breached_at = None  # what blocks may recover; what rolls back has rolled back
        if self.passed_at is None and self._inside:
            self.passed_at = look.end

    def _upper_limit(self, evaluation: Evaluation) -> float | None:
        if self._bins is None or self._high is None:
            return self._high
        if evaluation.sizes is None or min(evaluation.sizes) < 1:
            return None
        return stability_limit(self._high, self.settings.alpha, self._bins, evaluation.sizes)

    @property
    def _inside(self) -> bool:
        """Enough evaluations, few breaches, and the newest is none."""
        full = len(self._recent) == self._of
        return full and sum(self._recent) < self._limit and not self._recent[-1]

    def findings(self, missing: Interval | None) -> Findings:
        """What the newest evaluations say; see :class:`serin.judge.slo.SloJudge`."""
        passes = self._inside and not self._without_sizes
        verdict, reason = self.progress.verdict(self.breached_at, missing, passes=passes)
        return Findings(
            verdict,
            reason,
            self._message(verdict, missing),
            threshold=log10_e(-math.log(self.settings.alpha)),
            passed_at=self.passed_at,
        )

    def _message(self, verdict: Verdict, missing: Interval | None) -> str:
        name = self.settings.name
        if verdict in {Verdict.NO_DATA, Verdict.ERROR}:
            return f"{name}: {self.progress.why_no_data(missing)}"
        if self._without_sizes:
            return f"{name}: the sample sizes are not given, and without them a stability index says nothing"
        newest = self.progress.newest
        value = newest.value if isinstance(newest, Evaluation) else None
        bounds = (("at most", self._high), ("at least", self._low))
        limits = " and ".join(f"{words} {bound:g}" for words, bound in bounds if bound is not None)
        return (
            f"{name}: newest value {value}, limit {limits}; {sum(self._recent)} of the newest {len(self._recent)} "
            f"evaluations breach it ({self._limit} of {self._of} fail)"
        )
