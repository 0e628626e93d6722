"""The newest windows that count the route's requests: what they tell beside the evidence of the SLOs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from serin.api.policy.slo import Slo
from serin.api.promotion_policy import PromotionPolicySpec
from serin.evidence import Interval, Window
from serin.indicators.measurements import Counters, PresetCounters
from serin.judge.refusals import Refusals, refusals
from serin.judge.split import Split, split
from serin.prometheus.presets import preset

KEPT_WINDOWS = 240
"""An hour of 15 s windows."""


def _newest() -> deque[Window]:
    return deque(maxlen=KEPT_WINDOWS)


@dataclass(slots=True)
class RequestWindows:
    """Of two SLOs, which may be the same: nothing is read for what is told here."""

    counting: str | None
    """The first SLO that counts requests: the actual traffic split. Other events may be several for a request."""
    telling: str | None
    """The first SLO whose counts say which answers were a 4xx."""
    counted: deque[Window] = field(default_factory=_newest)
    told: deque[Window] = field(default_factory=_newest)

    @classmethod
    def of(cls, policy: PromotionPolicySpec) -> RequestWindows:
        """Nothing yet, for the SLOs of a policy."""
        counting = (slo.name for slo in policy.slos if slo.indicator.chosen.counts_requests)
        telling = (slo.name for slo in policy.slos if _tells_client_errors(policy, slo))
        return cls(next(counting, None), next(telling, None))

    def keep(self, name: str, batch: Iterable[Interval]) -> None:
        """Keeps windows of an SLO, if they tell something here."""
        windows = [interval for interval in batch if isinstance(interval, Window)]
        if name == self.counting:
            self.counted.extend(windows)
        if name == self.telling:
            self.told.extend(windows)

    def split(self, step_started_at: datetime | None, weight: int) -> Split | None:
        """The arms' requests in the windows since the step began, compared with its weight in percent."""
        since = [w for w in self.counted if step_started_at is not None and w.start >= step_started_at]
        pairs = [(w.candidate, w.stable) for w in since if w.candidate is not None and w.stable is not None]
        if not pairs:
            return None
        own = sum(candidate.total for candidate, _ in pairs)
        return split(own, own + sum(stable.total for _, stable in pairs), weight)

    def refusals(self) -> Refusals | None:
        """The arms' answers with a 4xx; None where nobody can tell."""
        return refusals(self.told)


def _tells_client_errors(policy: PromotionPolicySpec, slo: Slo) -> bool:
    arms = policy.arms_of(slo)
    wanted = slo.indicator.chosen.measurement(arms)
    return isinstance(wanted, Counters) and wanted.groups == (PresetCounters(),) and preset(arms).tells_client_errors
