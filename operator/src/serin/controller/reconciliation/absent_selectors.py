"""Selectors of a policy that have matched nothing yet: they may be misspelt, and are no evidence that all is well.

Which of them were seen is known from the windows: one has counts only after all were seen. So the record is the memory
of a restarted operator, and windows that an earlier Serin has counted stay counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from serin.api.policy.slo import Slo
from serin.api.promotion_policy import PromotionPolicySpec
from serin.errors import MetricsError
from serin.evidence import Interval, Window
from serin.prometheus.alternatives import exported_instead
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.metrics import Metrics

log = structlog.get_logger()
ASKED_EVERY = timedelta(minutes=5)
"""What there is instead is asked for at most so often: it helps a person, and decides nothing."""
ASK_TIMEOUT = 1.0
"""Seconds that windows wait for it."""


@dataclass(slots=True)
class AbsentSelectors:
    """Per SLO, the selectors that have matched nothing, and what there is instead."""

    _unseen: dict[str, frozenset[str]] = field(default_factory=dict)
    _instead: dict[str, str] = field(default_factory=dict)
    _asked_at: dict[str, datetime] = field(default_factory=dict)

    def unseen(self, name: str) -> frozenset[str] | None:
        """The selectors of an SLO that have matched nothing; None before its first window."""
        return self._unseen.get(name)

    def note(self, name: str, batch: Sequence[Interval]) -> None:
        """Takes windows that were just read, oldest first."""
        if batch and isinstance(batch[-1], Window):
            self._unseen[name] = self._unseen.get(name, batch[-1].absent) & batch[-1].absent

    def note_stored(self, name: str, batch: Sequence[Interval]) -> None:
        """Takes windows of the record: where one has counts, all selectors had been seen."""
        if any(isinstance(own, Window) and (own.candidate or own.stable) for own in batch):
            self._unseen[name] = frozenset()

    async def explained(
        self, source: Metrics, policy: PromotionPolicySpec, slo: Slo, who: RolloutIdentity, batch: list[Interval]
    ) -> list[Interval]:
        """The windows, those that are silent with what there is instead; raises nothing."""
        if not batch or not batch[-1].silence:
            return batch
        at = batch[-1].end
        if slo.name not in self._asked_at or at - self._asked_at[slo.name] >= ASKED_EVERY:
            self._asked_at[slo.name] = at
            try:
                async with asyncio.timeout(ASK_TIMEOUT):
                    self._instead[slo.name] = await exported_instead(source, policy, slo, who, at)
            except (MetricsError, TimeoutError):
                self._instead.pop(slo.name, None)
            except Exception:
                self._instead.pop(slo.name, None)
                log.exception("what there is instead was not read", slo=slo.name, stable=who.stable)
        words = self._instead.get(slo.name)
        return [replace(own, silence=f"{own.silence}; {words}") if own.silence and words else own for own in batch]
