"""Latency: the share of requests that were fast enough, as the preset of the policy's arms measures them."""

from __future__ import annotations

from typing import ClassVar

from serin.indicators.events import EventIndicator
from serin.indicators.measurements import Counters, Measurement, PresetCounters
from serin.schema.choices import Arms
from serin.schema.types import Duration


class Latency(EventIndicator):
    """Share of requests answered within ``threshold``; the threshold must be a bucket boundary of the histogram."""

    kind: ClassVar[str] = "latency"
    counts_requests: ClassVar[bool] = True
    has_threshold: ClassVar[bool] = True

    threshold: Duration

    def measurement(self, arms: Arms) -> Measurement:
        """The preset's requests, and those slower than the threshold."""
        return Counters(arms, (PresetCounters(slower_than=self.threshold),))
