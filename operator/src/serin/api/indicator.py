"""What an SLO counts or measures: exactly one indicator, as a policy names it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from serin.schema.choices import Arms
from serin.schema.types import ApiModel, Duration, Query, SignedDecimalString, validations


class Availability(ApiModel):
    """Share of requests that were answered without a server error; the arms preset says what is counted."""


class Latency(ApiModel):
    """Share of requests answered within ``threshold``; the threshold must be a bucket boundary of the histogram."""

    threshold: Duration


class Ratio(ApiModel):
    """Share of events of your own that are not bad, from two counters."""

    bad: Query
    """Selector of the counter of bad events, e.g. ``my_bad_total{kind="schema"}``; the arm's labels are added."""
    total: Query
    """Selector of the counter of all events."""
    arms: Arms | None = None
    """By what these counters tell the arms apart; default: the policy's ``arms``."""


class Histogram(ApiModel):
    """Share of events of your own that stay within ``threshold``, from a histogram."""

    selector: Query
    """Selector of the histogram by its own name, without ``_bucket``: ``my_seconds{path="/v1"}``."""
    threshold: Duration
    """Must be a bucket boundary."""
    unit: Duration = timedelta(seconds=1)
    """What a boundary of 1 means."""
    arms: Arms | None = None
    """By what this histogram tells the arms apart; default: the policy's ``arms``."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            ("!has(self.unit) || duration(self.unit) > duration('0s')", "unit is longer than 0s"),
        )
    }

    @model_validator(mode="after")
    def _measurable(self) -> Histogram:
        if not self.unit:
            message = "unit is longer than 0s"
            raise ValueError(message)
        return self


class Breaches(ApiModel):
    """How many of the newest evaluations must breach before that counts."""

    of: Annotated[int, Field(ge=1, le=100)] = 5
    limit: Annotated[int, Field(ge=1, le=100)] = 3

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
    candidate_size: Query | None = None
    """Query for the number of rows of the candidate; without both sizes the index says nothing."""
    reference_size: Query | None = None
    """Query for the number of rows of the reference."""


class Gauge(ApiModel):
    """A value with limits."""

    query: Query
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


class MeanQuery(ApiModel):
    """The mean of a quantity per arm, candidate against stable, from a sum and a count."""

    sum: Query
    count: Query
    max_shift: SignedDecimalString
    """A mean further than this from stable's, either way, is a breach."""

    model_config: ClassVar = {"json_schema_extra": validations(("double(self.maxShift) > 0.0", "maxShift is above 0"))}

    @model_validator(mode="after")
    def _positive(self) -> MeanQuery:
        if self.max_shift <= 0:
            message = "maxShift is above 0"
            raise ValueError(message)
        return self


KINDS = ("availability", "latency", "ratio", "histogram", "gauge", "query")
EXACTLY_ONE = f"give exactly one of {', '.join(KINDS)}"


class Indicator(ApiModel):
    """What is counted or measured: exactly one of the members."""

    availability: Availability | None = None
    latency: Latency | None = None
    ratio: Ratio | None = None
    histogram: Histogram | None = None
    gauge: Gauge | None = None
    query: MeanQuery | None = None

    model_config: ClassVar = {
        "json_schema_extra": validations(
            (f"[{', '.join(f'has(self.{kind})' for kind in KINDS)}].exists_one(g, g)", EXACTLY_ONE)
        )
    }

    @model_validator(mode="after")
    def _exactly_one(self) -> Indicator:
        if sum(getattr(self, kind) is not None for kind in KINDS) != 1:
            raise ValueError(EXACTLY_ONE)
        return self

    @property
    def counts(self) -> bool:
        """Whether it counts events, good and bad; otherwise it measures a value."""
        return self.gauge is None and self.query is None

    @property
    def slow(self) -> bool:
        """Whether an event is bad because it took too long."""
        return self.latency is not None or self.histogram is not None

    @property
    def arms(self) -> Arms | None:
        """Arms of its own; None for the policy's."""
        own = self.ratio or self.histogram
        return own.arms if own is not None else None
