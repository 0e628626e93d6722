"""Availability: the share of requests without a server error, as the preset of the policy's arms counts them."""

from __future__ import annotations

from typing import ClassVar

from serin.indicators.events import EventIndicator
from serin.indicators.measurements import Counters, Measurement, PresetCounters
from serin.schema.choices import Arms


class Availability(EventIndicator):
    """Share of requests that were answered without a server error; the arms preset says what is counted."""

    kind: ClassVar[str] = "availability"
    counts_requests: ClassVar[bool] = True

    def measurement(self, arms: Arms) -> Measurement:
        """The preset's requests, and those with a server error."""
        return Counters(arms, (PresetCounters(),))
