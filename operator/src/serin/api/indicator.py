"""What an SLO counts or measures: exactly one indicator, as a policy names it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from serin.api.types import ApiModel, Duration, Query, SignedDecimalString, validations


class Availability(ApiModel):
    """Share of requests that were answered without a server error; the arms preset says what is counted."""


class Latency(ApiModel):
    """Share of requests answered within ``threshold``; the threshold must be a bucket boundary of the histogram."""

    threshold: Duration


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


class Indicator(ApiModel):
    """What is counted or measured: exactly one of the members."""

    availability: Availability | None = None
    latency: Latency | None = None
    gauge: Gauge | None = None
    query: MeanQuery | None = None

    model_config: ClassVar = {
        "json_schema_extra": validations(
            (
                "[has(self.availability), has(self.latency), has(self.gauge), has(self.query)].exists_one(g, g)",
                "give exactly one of availability, latency, gauge, query",
            )
        )
    }

    @model_validator(mode="after")
    def _exactly_one(self) -> Indicator:
        if sum(i is not None for i in (self.availability, self.latency, self.gauge, self.query)) != 1:
            message = "give exactly one of availability, latency, gauge, query"
            raise ValueError(message)
        return self

    @property
    def counts(self) -> bool:
        """Whether it counts requests, good and bad; otherwise it measures a value."""
        return self.availability is not None or self.latency is not None
