"""Histogram: the share of events of the user's own that stay within a threshold."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from pydantic import model_validator

from serin.indicators.arm_label import ArmLabel
from serin.indicators.events import EventIndicator
from serin.indicators.ladder import LADDER_RULES, Ladder, check_ladder
from serin.indicators.measurements import Counters, Measurement, observations_above
from serin.schema.choices import Arms
from serin.schema.types import FineDuration, Query, validations


class Histogram(EventIndicator):
    """Share of events of your own that stay within ``threshold``, from a histogram."""

    kind: ClassVar[str] = "histogram"
    has_threshold: ClassVar[bool] = True

    selector: Query
    """Selector of the histogram by its own name, ``my_seconds{path="/v1"}``, or by that of its buckets,
    ``my_seconds_bucket{path="/v1"}``."""
    threshold: FineDuration
    """Must be a bucket boundary."""
    unit: FineDuration = timedelta(seconds=1)
    """What a boundary of 1 means: ``1s``, ``1ms`` or ``1us``."""
    ladder: Ladder = []
    """Further bucket boundaries, rising, at which the arms are compared, too; as for "latency"."""
    arms: Arms | None = None
    """By what this histogram tells the arms apart; default: the policy's ``arms``."""
    arm_label: ArmLabel | None = None
    """A label of this histogram that tells the arms apart, instead of that of ``arms``."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            ("!has(self.unit) || duration(self.unit) > duration('0s')", "unit is longer than 0s"),
            *LADDER_RULES,
        )
    }

    @model_validator(mode="after")
    def _measurable(self) -> Histogram:
        if not self.unit:
            message = "unit is longer than 0s"
            raise ValueError(message)
        check_ladder(self.ladder, self.threshold)
        return self

    @property
    def boundaries(self) -> tuple[float, ...]:
        """See :class:`serin.indicators.kind.IndicatorKind`."""
        return tuple(rung.total_seconds() for rung in self.ladder)

    @property
    def own_arms(self) -> Arms | None:
        """Its own ``arms``."""
        return self.arms

    def measurement(self, arms: Arms) -> Measurement:
        """All observations, and those above the threshold and above each boundary of the ladder."""
        rungs = [rung / self.unit for rung in self.ladder]
        return Counters(arms, (observations_above(self.selector, self.threshold / self.unit, rungs),), self.arm_label)
