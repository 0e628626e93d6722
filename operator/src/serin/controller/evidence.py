"""Which windows has a rollout seen? Reads them from Prometheus in order, feeds the judge, seals them for the record.

Windows lie on a grid that starts with the first weight, so a restarted operator reads the same windows at the same
explicit times; what is sealed in the record is not read again.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from serin.api.evidence import Assessment, Window
from serin.api.promotion_policy import PromotionPolicySpec, Slo
from serin.api.promotion_record import PromotionRecordStatus, WindowBlock
from serin.errors import MetricsError
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


@dataclass(slots=True)
class Ledger:
    """The windows of one rollout."""

    policy: PromotionPolicySpec
    arms: ArmNames
    cursor: datetime
    """Start of the next window to read."""
    judge: Judge
    unsealed: dict[str, list[Window]] = field(default_factory=dict)
    trouble: str = ""
    """Why the newest windows could not be read."""

    @classmethod
    def restore(
        cls,
        policy: PromotionPolicySpec,
        arms: ArmNames,
        begun: datetime,
        record: PromotionRecordStatus | None,
    ) -> Ledger:
        """The ledger as the record knows it; ``begun`` is when the first weight was in force."""
        ledger = cls(policy, arms, _whole_second(begun), Judge(policy))
        length = policy.analysis.window
        for block in record.blocks if record else []:
            batch = decode(block.counts, start=block.start, length=length)
            ledger.judge.add({block.slo: batch})
            ledger.cursor = max(ledger.cursor, batch[-1].end) if batch else ledger.cursor
        return ledger

    @property
    def length(self) -> timedelta:
        """Length of a window."""
        return self.policy.analysis.window

    @property
    def next_at(self) -> datetime:
        """When the next window can be read."""
        return self.cursor + self.length + settle_time(self.length)

    async def catch_up(self, source: MetricsSource, now: datetime) -> None:
        """Reads the windows that are over and settled; on trouble the cursor stays and ``trouble`` says why."""
        self.trouble = ""
        for _ in range(BATCHES):
            count = math.floor((now - settle_time(self.length) - self.cursor) / self.length)
            if count <= 0:
                return
            grid = Grid(self.cursor, self.length, min(count, BLOCK))
            try:
                batches = await asyncio.gather(*(self._read(source, slo, grid) for slo in self.policy.slos))
            except MetricsError as error:
                self.trouble = str(error)
                return
            self._take(grid, zip((slo.name for slo in self.policy.slos), batches, strict=True))

    async def _read(self, source: MetricsSource, slo: Slo, grid: Grid) -> list[Window]:
        preset = PRESETS[self.policy.arms]
        terms = preset.terms(slo.indicator)
        reach = grid.end - grid.start + max(LOOKBACK, 4 * grid.length)
        series = await source.matrix(query(preset, terms, self.arms, reach), grid.end)
        return windows(preset, terms, self.arms, grid, series)

    def _take(self, grid: Grid, batches: Iterable[tuple[str, list[Window]]]) -> None:
        for name, batch in batches:
            self.judge.add({name: batch})
            self.unsealed.setdefault(name, []).extend(batch)
        self.cursor = grid.end

    def assess(self, step_started_at: datetime | None, now: datetime) -> Assessment:
        """Where the evidence stands; windows that should be there and are not hold."""
        behind = now - settle_time(self.length) - self.cursor
        missing = None
        if self.trouble:
            missing = Window(self.cursor, self.length, None, error=self.trouble)
        elif behind >= LATE_WINDOWS * self.length:
            missing = Window(self.cursor, self.length, None)
        return self.judge.assess(step_started_at, missing)

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
