"""Client errors: the share of requests that were answered with a 4xx, compared with stable's share."""

from __future__ import annotations

from typing import ClassVar

from serin.indicators.events import EventIndicator
from serin.indicators.measurements import Counters, Measurement, PresetCounters
from serin.judge.client_errors import ClientErrorJudge
from serin.judge.slo import SloJudge, SloSettings
from serin.schema.choices import Arms


class ClientErrors(EventIndicator):
    """Share of requests that were not answered with a 4xx; without an objective it is compared with stable's only."""

    kind: ClassVar[str] = "clientErrors"
    tolerated_share: ClassVar[float | None] = 0.05
    counts_requests: ClassVar[bool] = True

    arms: Arms | None = None
    """By whose metrics it is counted; default: the policy's ``arms``. Those of ``Pod`` do not tell 4xx."""

    @property
    def own_arms(self) -> Arms | None:
        """Its own ``arms``."""
        return self.arms

    def measurement(self, arms: Arms) -> Measurement:
        """The preset's requests, and those with a client error."""
        return Counters(arms, (PresetCounters(client_errors=True),))

    def judge(self, settings: SloSettings) -> SloJudge:
        """Compares shares of 4xx; most requests refused is a breach at every severity that decides."""
        return ClientErrorJudge(settings)
