"""Reads a rollout's windows from Prometheus in order, judges them and gives them to the PromotionRecord.

Windows lie on a grid that starts with the first weight, so a restarted operator reads the same windows with the same
start and end. Windows that are sealed in the record are not read again.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from serin.analysis.assessment import judges_of
from serin.api.policy.slo import Slo
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.promotion_record import PromotionRecordStatus, WindowBlock
from serin.controller.reconciliation.absent_selectors import AbsentSelectors
from serin.controller.reconciliation.request_windows import RequestWindows
from serin.controller.reconciliation.stable_history import StableHistory
from serin.controller.reconciliation.stored_parts import StoredParts
from serin.controller.reconciliation.unsealed_windows import BLOCK, UnsealedWindows, stored_windows
from serin.errors import MetricsError
from serin.evidence import Assessment, Interval, settle_time
from serin.judge.refusals import Refusals
from serin.judge.slo import SloJudge
from serin.judge.split import Split
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.metrics import Metrics
from serin.prometheus.reading import read
from serin.together import together

BATCHES = 5
"""Queries per SLO and pass, so that catching up after an outage does not hold up a worker."""
READ_BUDGET = 2.0
"""Seconds after which a pass begins no further batch: it first decides on the windows that it has."""
MOST_OUTAGES = 8
LATE_WINDOWS = 3
"""An SLO that lags this many windows is reported as missing data: its evidence is too old for a forward move."""


@dataclass(slots=True)
class WindowReader:
    """The windows of one rollout. Each SLO is read on its own, so that an error in one does not affect the others."""

    policy: PromotionPolicySpec
    identity: RolloutIdentity
    begun: datetime
    """Start of the first window."""
    cursors: dict[str, datetime]
    """Per SLO, the start of the next window to read."""
    judges: dict[str, SloJudge]
    history: StableHistory
    """Stable's windows before the candidate."""
    requests: RequestWindows
    """The newest windows that count requests: the actual traffic split, and how many were refused."""
    unsealed: UnsealedWindows = field(default_factory=UnsealedWindows)
    """Windows that the record does not have yet."""
    preview_only: bool = False
    """Whether the requests are those of a preview: they may lead to a rollback, and never count for a promotion."""
    of_record: bool = True
    """Whether the policy is the record's snapshot; with the live policy only the breach watch goes on."""
    absent: AbsentSelectors = field(default_factory=AbsentSelectors)
    """Selectors that have matched nothing yet."""
    read_errors: dict[str, str] = field(default_factory=dict)
    """Per SLO, why its newest windows could not be read."""
    stored: StoredParts | None = None
    """The parts of the record whose windows it does not have yet: Prometheus is asked for what comes after them."""
    unexposed_at: datetime | None = None
    """Since when the gateway is known to send the candidate nothing, after it was taken back."""
    outages: deque[tuple[datetime, datetime]] = field(default_factory=lambda: deque(maxlen=MOST_OUTAGES))
    """Start and end of the times when the candidate had no endpoint; its counts in them are ignored."""

    @classmethod
    def restore(
        cls,
        policy: PromotionPolicySpec,
        identity: RolloutIdentity,
        begun: datetime,
        record: PromotionRecordStatus | None,
    ) -> WindowReader:
        """A reader that has the windows of the record; ``begun`` is when the first weight was in force."""
        start, slos = _whole_second(begun), {slo.name: slo for slo in policy.slos}
        history = StableHistory.of(policy, identity, start)
        cursors, requests = dict.fromkeys(slos, start), RequestWindows.of(policy)
        reader = cls(policy, identity, start, cursors, judges_of(policy), history, requests)
        # Sorted by time: a history that was read late is stored after the first windows.
        for block in sorted(record.blocks if record else [], key=lambda block: block.start):
            reader.take_stored(block.slo, stored_windows(block, slos.get(block.slo)))
        return reader

    def take_stored(self, name: str, batch: list[Interval]) -> None:
        """Judges windows that the record has; the oldest come first."""
        if not batch:
            return
        self.absent.note_stored(name, batch)
        if batch[-1].end <= self.begun:
            self.learn(name, batch)
        elif batch[0].start >= self.cursors[name]:
            self.learn(name, batch)
            self.requests.keep(name, batch)
            self.cursors[name] = batch[-1].end
        self.history.close(name)

    @property
    def length(self) -> timedelta:
        """Length of a window."""
        return self.policy.analysis.window

    @property
    def next_at(self) -> datetime:
        """When the next window can be read."""
        return max(self.cursors.values()) + self.length + settle_time(self.length)

    async def catch_up(self, source: Metrics, now: datetime) -> None:
        """Reads the windows that have ended and settled. On an error the SLO's cursor stays: see ``read_errors``.

        No query is running any more when it returns. A bug in one SLO is raised after the others have been read.
        """
        bugs: list[Exception] = []

        async def catch_up_one(slo: Slo) -> None:
            try:
                await self._catch_up(source, slo, now)
            except Exception as error:  # noqa: BLE001 - raised below
                self.read_errors[slo.name] = f"{type(error).__name__}: {error}"
                bugs.append(error)

        async with asyncio.TaskGroup() as group:
            for slo in self.policy.slos:
                group.create_task(catch_up_one(slo))
        if bugs:
            raise bugs[0]

    async def _catch_up(self, source: Metrics, slo: Slo, now: datetime) -> None:
        self.read_errors.pop(slo.name, None)
        clock = asyncio.get_running_loop().time
        until = clock() + READ_BUDGET
        for _ in range(BATCHES):
            most = BLOCK if slo.indicator.chosen.measurement(self.policy.arms_of(slo)).batches else 1
            start = self.cursors[slo.name]
            count = math.floor((now - settle_time(self.length) - start) / self.length)
            if count <= 0 or clock() > until:
                return
            grid = Grid(start, self.length, min(count, most))
            unseen = self.absent.unseen(slo.name)
            reading = [read(source, self.policy, slo, self.identity, grid, unseen=unseen)]
            if self.history.due(slo.name, start, self.judges[slo.name], now):
                reading.insert(0, self._read_history(source, slo, now))
            try:
                *_, batch = await together(*reading)
            except MetricsError as error:
                self.read_errors[slo.name] = str(error)
                return
            self.absent.note(slo.name, batch)
            self._take(slo.name, await self.absent.explained(source, self.policy, slo, self.identity, batch))

    async def _read_history(self, source: Metrics, slo: Slo, now: datetime) -> list[Interval]:
        """Reads stable's windows before the candidate, and judges the SLO's windows again after them."""
        found = await self.history.read(source, slo, now)
        if found is None:
            return []
        self.judges[slo.name], self.unsealed.history[slo.name] = found
        self.absent.note(slo.name, found[1])
        return found[1]

    def note_outage(self, begun: datetime, until: datetime) -> None:
        """Notes that the candidate had no endpoint from ``begun``, which may be one window late, to ``until``.

        The gateway answers for the candidate meanwhile; a drained node is no evidence against a revision (DESIGN,
        rule 15).
        """
        start = begun - self.length
        if self.outages and self.outages[-1][0] == start:
            self.outages.pop()
        self.outages.append((start, until))

    def note_exposed(self) -> None:
        """Notes that a candidate that is taken back may still get requests."""
        self.unexposed_at = None

    def note_unexposed(self, now: datetime) -> datetime:
        """Notes that it gets none; returns since when that is known."""
        self.unexposed_at = self.unexposed_at or now
        return self.unexposed_at

    def _without_outage(self, interval: Interval) -> Interval:
        """The interval, without the candidate's counts where the gateway answered for it."""
        away = any(interval.start < end and start < interval.end for start, end in self.outages)
        return interval.without_candidate() if away else interval

    def _take(self, name: str, batch: list[Interval]) -> None:
        """Judges windows and keeps them for the record. The cursor moves first, so a bug never repeats a window."""
        batch = [self._without_outage(interval) for interval in batch]
        self.cursors[name] = batch[-1].end
        self.unsealed.windows.setdefault(name, []).extend(batch)
        self.history.keep_early(name, batch)
        self.requests.keep(name, batch)
        self.learn(name, batch)

    def learn(self, name: str, batch: Iterable[Interval]) -> None:
        """Judges windows of one SLO, oldest first."""
        for interval in batch:
            self.judges[name].add(interval)

    def split(self, step_started_at: datetime | None, weight: int) -> Split | None:
        """The arms' requests in the windows since the step began, compared with its weight in percent."""
        return self.requests.split(step_started_at, weight)

    def refusals(self) -> Refusals | None:
        """The arms' answers with a 4xx; None where nobody can tell, or where testers' requests are compared."""
        return None if self.preview_only else self.requests.refusals()

    def assess(self, step_started_at: datetime | None, now: datetime) -> Assessment:
        """The reports of all SLOs; an overdue window counts as missing data."""
        missing = {name: window for name in self.cursors if (window := self._missing(name, now)) is not None}
        reports = (judge.report(step_started_at, missing.get(name)) for name, judge in self.judges.items())
        return Assessment(tuple(reports))

    def _missing(self, name: str, now: datetime) -> Interval | None:
        cursor = self.cursors[name]
        if name in self.read_errors:
            return Interval(cursor, self.length, error=self.read_errors[name])
        late = now - settle_time(self.length) - cursor >= LATE_WINDOWS * self.length
        return Interval(cursor, self.length) if late else None

    def behind(self, decided_at: datetime) -> bool:
        """Whether a window that could be read at ``decided_at``, when the rollout was decided, has not been read."""
        readable = decided_at - settle_time(self.length) - self.length
        return any(cursor <= readable for cursor in self.cursors.values())

    @property
    def read_until(self) -> datetime:
        """Up to when every SLO's windows have been read."""
        return min(self.cursors.values())

    def has_read(self, at: datetime) -> bool:
        """Whether every SLO's windows up to ``at`` have been read."""
        return self.read_until >= at

    def seal(self, *, everything: bool = False) -> list[WindowBlock]:
        """Full blocks (or all windows) for the record; call ``confirm_sealed`` when they are written."""
        return self.unsealed.blocks(self.policy, everything=everything)

    def confirm_sealed(self, *, everything: bool = False) -> None:
        """Drops the windows of ``seal``: the record has them."""
        self.unsealed.clear(everything=everything)


def _whole_second(at: datetime) -> datetime:
    """``at``, rounded up to a whole second: windows start on one, so that their times can be written exactly."""
    floor = at.replace(microsecond=0)
    return floor if floor == at else floor + timedelta(seconds=1)
