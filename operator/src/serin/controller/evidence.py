"""Which windows has a rollout seen? Reads them from Prometheus in order, feeds the judge, seals them for the record.

Windows lie on a grid that starts with the first weight, so a restarted operator reads the same windows at the same
explicit times; what is sealed in the record is not read again.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from serin.api.evidence import Assessment, Window
from serin.api.promotion_policy import PromotionPolicySpec, Slo
from serin.api.promotion_record import PromotionRecordStatus, WindowBlock
from serin.errors import MetricsError, QueryRejected
from serin.judge.assessment import Judge
from serin.judge.windows import decode, encode
from serin.prometheus.counts import ArmNames, Grid, query, windows
from serin.prometheus.presets import PRESETS
from serin.prometheus.series import Series

BLOCK = 20
"""Windows per sealed block, and at most so many are read with one query."""
BATCHES = 5
"""Queries per SLO and pass, so that catching up after an outage does not hold up a worker."""
LOOKBACK = timedelta(seconds=60)
"""How far before the first window samples are looked for: four scrapes of 15 s."""
LATE_WINDOWS = 3
"""So many windows behind and what is known is too old to move forward on."""


class MetricsSource(Protocol):
    """What the evidence needs of a Prometheus."""

    async def matrix(self, query: str, at: datetime) -> list[Series]:
        """Raw samples of a range selector at an explicit time; ``MetricsError``."""
        ...


def settle_time(window: timedelta) -> timedelta:
    """How long after a window's end its samples may still arrive."""
    return min(timedelta(seconds=5), max(timedelta(seconds=1), window / 3))


class NotAllowed:
    """Stands for a Prometheus that is no longer on the allow-list: nobody is asked in its place."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def matrix(self, query: str, at: datetime) -> list[Series]:
        """Always refused."""
        del query, at
        message = f"{self._address} is not on the operator's allow-list"
        raise QueryRejected(message)


@dataclass(slots=True)
class Ledger:
    """The windows of one rollout. Each SLO is read on its own: one that cannot be read does not blind the others."""

    policy: PromotionPolicySpec
    arms: ArmNames
    cursors: dict[str, datetime]
    """Per SLO the start of the next window to read."""
    judge: Judge
    unsealed: dict[str, list[Window]] = field(default_factory=dict)
    trouble: dict[str, str] = field(default_factory=dict)
    """Per SLO why its newest windows could not be read."""

    @classmethod
    def restore(
        cls, policy: PromotionPolicySpec, arms: ArmNames, begun: datetime, record: PromotionRecordStatus | None
    ) -> Ledger:
        """The ledger as the record knows it; ``begun`` is when the first weight was in force."""
        ledger = cls(policy, arms, {slo.name: _whole_second(begun) for slo in policy.slos}, Judge(policy))
        length = policy.analysis.window
        for block in record.blocks if record else []:
            batch = decode(block.counts, start=block.start, length=length)
            if batch and batch[0].start >= ledger.cursors[block.slo]:
                ledger.judge.add({block.slo: batch})
                ledger.cursors[block.slo] = batch[-1].end
        return ledger

    @property
    def length(self) -> timedelta:
        """Length of a window."""
        return self.policy.analysis.window

    @property
    def next_at(self) -> datetime:
        """When the next window can be read."""
        return max(self.cursors.values()) + self.length + settle_time(self.length)

    async def catch_up(self, source: MetricsSource, now: datetime) -> None:
        """Reads the windows that are over and settled; on trouble an SLO's cursor stays and ``trouble`` says why."""
        await asyncio.gather(*(self._catch_up(source, slo, now) for slo in self.policy.slos))

    async def _catch_up(self, source: MetricsSource, slo: Slo, now: datetime) -> None:
        self.trouble.pop(slo.name, None)
        for _ in range(BATCHES):
            start = self.cursors[slo.name]
            count = math.floor((now - settle_time(self.length) - start) / self.length)
            if count <= 0:
                return
            grid = Grid(start, self.length, min(count, BLOCK))
            try:
                batch = await self._read(source, slo, grid)
            except MetricsError as error:
                self.trouble[slo.name] = str(error)
                return
            self.judge.add({slo.name: batch})
            self.unsealed.setdefault(slo.name, []).extend(batch)
            self.cursors[slo.name] = grid.end

    async def _read(self, source: MetricsSource, slo: Slo, grid: Grid) -> list[Window]:
        preset = PRESETS[self.policy.arms]
        terms = preset.terms(slo.indicator)
        reach = grid.end - grid.start + max(LOOKBACK, 4 * grid.length)
        series = await source.matrix(query(preset, terms, self.arms, reach), grid.end)
        return windows(preset, terms, self.arms, grid, series)

    def assess(self, step_started_at: datetime | None, now: datetime) -> Assessment:
        """Where the evidence stands; windows that should be there and are not hold."""
        missing = {name: window for name in self.cursors if (window := self._missing(name, now)) is not None}
        return self.judge.assess(step_started_at, missing)

    def _missing(self, name: str, now: datetime) -> Window | None:
        cursor = self.cursors[name]
        if name in self.trouble:
            return Window(cursor, self.length, None, error=self.trouble[name])
        late = now - settle_time(self.length) - cursor >= LATE_WINDOWS * self.length
        return Window(cursor, self.length, None) if late else None

    def seal(self, *, everything: bool = False) -> list[WindowBlock]:
        """Full blocks (or all windows) since the last seal, for the record; ``sealed`` when they are written."""
        return [
            WindowBlock(
                slo=name,
                start=part[0].start,
                seconds=max(1, round(self.length.total_seconds())),
                counts=encode(part),
            )
            for name, batch in self.unsealed.items()
            for part in _blocks(batch, everything=everything)
        ]

    def sealed(self, *, everything: bool = False) -> None:
        """The blocks that ``seal`` gave are written."""
        for name, batch in self.unsealed.items():
            kept = 0 if everything else len(batch) % BLOCK
            self.unsealed[name] = batch[len(batch) - kept :]


def _blocks(batch: list[Window], *, everything: bool) -> list[list[Window]]:
    parts = [batch[i : i + BLOCK] for i in range(0, len(batch), BLOCK)]
    return [part for part in parts if everything or len(part) == BLOCK]


def _whole_second(at: datetime) -> datetime:
    """The next whole second: windows start on one, so that their times can be written exactly."""
    floor = at.replace(microsecond=0)
    return floor if floor == at else floor + timedelta(seconds=1)
