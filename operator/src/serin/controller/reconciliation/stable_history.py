"""Reads stable's windows before the candidate: they show the judge how bursty stable's bad requests are.

The history is optional. An SLO is judged without it until it has been read, and for good once it is of no use.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import dropwhile

import structlog

from serin.analysis.assessment import judges_of
from serin.api.policy.slo import Slo
from serin.api.promotion_policy import PromotionPolicySpec
from serin.errors import MetricsError
from serin.evidence import Interval
from serin.judge.slo import SloJudge
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.metrics import Metrics
from serin.prometheus.reading import read

log = structlog.get_logger()
HISTORY_WINDOW = timedelta(minutes=1)
"""The shortest window of the history; with longer windows in the policy, it has those."""
HISTORY_WINDOWS = 30
HISTORY_TIMEOUT = 2.0
"""Seconds that the candidate's first windows wait for the history."""
HISTORY_RETRY = timedelta(minutes=1)
"""Between two attempts to read it."""
HISTORY_USEFUL = 10
"""After this many windows the history is no longer needed: stable's requests during the rollout are enough."""


@dataclass(slots=True)
class StableHistory:
    """Tracks which SLOs of a rollout still lack their history, and reads it."""

    policy: PromotionPolicySpec
    identity: RolloutIdentity
    begun: datetime
    """Start of the candidate's first window: the history ends there."""
    pending: set[str]
    """SLOs whose history has not been read and may still be."""
    failed_at: dict[str, datetime] = field(default_factory=dict)
    """Per pending SLO, the time of the last failed attempt."""
    early: dict[str, list[Interval]] = field(default_factory=dict)
    """Windows of pending SLOs: they are judged again when the history is known."""

    @classmethod
    def of(cls, policy: PromotionPolicySpec, identity: RolloutIdentity, begun: datetime) -> StableHistory:
        """The history of a new rollout; it is pending for each SLO that compares the arms."""
        pending = {slo.name for slo in policy.slos if slo.indicator.chosen.compares_arms}
        return cls(policy, identity, begun, pending)

    @property
    def window(self) -> timedelta:
        """Length of a window of the history."""
        return max(HISTORY_WINDOW, self.policy.analysis.window)

    def due(self, name: str, cursor: datetime, judge: SloJudge, now: datetime) -> bool:
        """Whether to try to read an SLO's history now. Closes the history if it is of no use any more.

        After a breach it is of no use: evidence that led to a decision must not be judged differently later.
        """
        if name not in self.pending:
            return False
        if cursor - self.begun >= HISTORY_USEFUL * self.window or judge.breached_at is not None:
            self.close(name)
            return False
        return name not in self.failed_at or now - self.failed_at[name] >= HISTORY_RETRY

    async def read(self, source: Metrics, slo: Slo, now: datetime) -> tuple[SloJudge, list[Interval]] | None:
        """The history, and a judge that has judged it and the early windows; None if there is none or on an error.

        Raises nothing: neither Prometheus nor a bug here may stop the breach watch. It is tried again later.
        """
        grid = Grid(self.begun - HISTORY_WINDOWS * self.window, self.window, HISTORY_WINDOWS)
        try:
            async with asyncio.timeout(HISTORY_TIMEOUT):
                found = await read(source, self.policy, slo, self.identity, grid, raw=True)
            stable_only = [interval.without_candidate() for interval in found]
            windows = list(dropwhile(lambda interval: not interval.tells_of_stable, stable_only))
            judged = (self._judged(slo.name, windows), windows) if windows else None
        except (MetricsError, TimeoutError):
            self.failed_at[slo.name] = now
            return None
        except Exception:
            self.failed_at[slo.name] = now
            log.exception("history not read", slo=slo.name, stable=self.identity.stable)
            return None
        self.close(slo.name)
        return judged

    def _judged(self, name: str, windows: list[Interval]) -> SloJudge:
        judge = judges_of(self.policy)[name]
        for interval in (*windows, *self.early.get(name, [])):
            judge.add(interval)
        return judge

    def keep_early(self, name: str, batch: list[Interval]) -> None:
        """Keeps windows that are judged before the history of their SLO is known."""
        if name in self.pending:
            self.early.setdefault(name, []).extend(batch)

    def close(self, name: str) -> None:
        """Stops trying to read an SLO's history."""
        self.pending.discard(name)
        self.early.pop(name, None)
