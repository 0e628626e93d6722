"""Latency: the share of requests that were fast enough, as the preset of the policy's arms measures them."""

from __future__ import annotations

from typing import ClassVar

from pydantic import model_validator

from serin.indicators.events import EventIndicator
from serin.indicators.ladder import LADDER_RULES, Ladder, check_ladder
from serin.indicators.measurements import Counters, Measurement, PresetCounters
from serin.schema.choices import Arms
from serin.schema.types import FineDuration, validations


class Latency(EventIndicator):
    """Share of requests answered within ``threshold``; the threshold must be a bucket boundary of the histogram."""

    kind: ClassVar[str] = "latency"
    counts_requests: ClassVar[bool] = True
    has_threshold: ClassVar[bool] = True

    threshold: FineDuration
    """The longest time of a good answer, such as 500ms; a boundary of the server's histogram."""
    ladder: Ladder = []
    """Further bucket boundaries, rising, at which the arms are compared, too: a shift of all latencies is seen before
    it reaches the threshold. ``serin preflight`` lists those that there are."""

    model_config: ClassVar = {"json_schema_extra": validations(*LADDER_RULES)}

    @model_validator(mode="after")
    def _rising(self) -> Latency:
        check_ladder(self.ladder, self.threshold)
        return self

    @property
    def boundaries(self) -> tuple[float, ...]:
        """See :class:`serin.indicators.kind.IndicatorKind`."""
        return tuple(rung.total_seconds() for rung in self.ladder)

    def measurement(self, arms: Arms) -> Measurement:
        """The preset's requests, and those slower than the threshold and than each boundary of the ladder."""
        return Counters(arms, (PresetCounters(slower_than=self.threshold, ladder=tuple(self.ladder)),))
