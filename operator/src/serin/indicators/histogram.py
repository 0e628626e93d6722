"""Histogram: the share of events of the user's own that stay within a threshold."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from pydantic import model_validator

from serin.indicators.events import EventIndicator
from serin.indicators.measurements import Counters, Measurement, observations_above
from serin.schema.choices import Arms
from serin.schema.types import Duration, Query, validations


class Histogram(EventIndicator):
    """Share of events of your own that stay within ``threshold``, from a histogram."""

    kind: ClassVar[str] = "histogram"
    has_threshold: ClassVar[bool] = True

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

    @property
    def own_arms(self) -> Arms | None:
        """Its own ``arms``."""
        return self.arms

    def measurement(self, arms: Arms) -> Measurement:
        """All observations, and those above the threshold."""
        return Counters(arms, (observations_above(self.selector, self.threshold / self.unit),))
