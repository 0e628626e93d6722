"""Ratio: the share of good events of the user's own, from two counters."""

from __future__ import annotations

from typing import ClassVar

from serin.indicators.events import EventIndicator
from serin.indicators.measurements import Counters, Measurement, counter
from serin.schema.choices import Arms
from serin.schema.types import Query


class Ratio(EventIndicator):
    """Share of events of your own that are not bad, from two counters."""

    kind: ClassVar[str] = "ratio"

    bad: Query
    """Selector of the counter of bad events, e.g. ``my_bad_total{kind="schema"}``; the arm's labels are added."""
    total: Query
    """Selector of the counter of all events."""
    arms: Arms | None = None
    """By what these counters tell the arms apart; default: the policy's ``arms``."""

    @property
    def own_arms(self) -> Arms | None:
        """Its own ``arms``."""
        return self.arms

    def measurement(self, arms: Arms) -> Measurement:
        """Both counters."""
        return Counters(arms, (counter(self.bad, bad=1, total=0), counter(self.total)))
