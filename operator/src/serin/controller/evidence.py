"""Which windows has a rollout seen? Reads them from Prometheus in order, feeds the judge, seals them for the record.

Windows lie on a grid that starts with the first weight, so a restarted operator reads the same windows at the same
explicit times; what is sealed in the record is not read again.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import dropwhile

from serin.api.evidence import Assessment, Interval, MeanWindow, Split, Window
from serin.api.promotion_policy import PromotionPolicySpec, Slo
from serin.api.promotion_record import PromotionRecordStatus, WindowBlock
from serin.errors import MetricsError
from serin.judge.assessment import Judge
from serin.judge.split import split
from serin.judge.windows import decode, encode, kind_of, settle_time
from serin.prometheus.counts import Grid
from serin.prometheus.reading import Metrics, Names, read

BLOCK = 20
"""Windows per sealed block, and at most so many are read with one query."""
HISTORY_WINDOW = timedelta(minutes=1)
HISTORY_WINDOWS = 30
"""Stable's half hour before the candidate: how bursty its bad requests are."""
BATCHES = 5
"""Queries per SLO and pass, so that catching up after an outage does not hold up a worker."""
SHARES = 240
"""Windows whose requests are compared with the weight: an hour of 15 s."""
BUDGET = 2.0
"""Seconds after which no further batch is begun: what has been read is judged first. A gauge is read one by one."""
LATE_WINDOWS = 3
"""So many windows behind and what is known is too old to move forward on."""


@dataclass(slots=True)
class Ledger:
    """The windows of one rollout. Each SLO is read on its own: one that cannot be read does not blind the others."""

    policy: PromotionPolicySpec
    names: Names
    begun: datetime
    """Start of the first window."""
    cursors: dict[str, datetime]
    """Per SLO the start of the next window to read."""
    judge: Judge
    without_history: set[str]
    """SLOs whose stable arm's time before the candidate has not been read."""
    history: dict[str, list[Interval]] = field(default_factory=dict)
    """What has been read of it and is not in the record yet."""
    unsealed: dict[str, list[Interval]] = field(default_factory=dict)
    shares: deque[Window] = field(default_factory=lambda: deque(maxlen=SHARES))
    """The newest windows of the first SLO that counts: how the traffic really splits."""
    rehearsal: bool = False
    """Of a preview: what testers send may condemn a candidate, and proves nothing for it later."""
    of_record: bool = True
    """The policy is the snapshot of the record; False for the live one, by which only the watch goes on."""
    trouble: dict[str, str] = field(default_factory=dict)
    """Per SLO why its newest windows could not be read."""

    @classmethod
    def restore(
        cls, policy: PromotionPolicySpec, names: Names, begun: datetime, record: PromotionRecordStatus | None
    ) -> Ledger:
        """The ledger as the record knows it; ``begun`` is when the first weight was in force."""
        start, slos = _whole_second(begun), {slo.name: slo for slo in policy.slos}
        ledger = cls(policy, names, start, dict.fromkeys(slos, start), Judge(policy), set(slos))
        for block in record.blocks if record else []:
            batch = _stored(block, slos.get(block.slo))
            if not batch:
                continue
            if batch[-1].end <= start:
                ledger.judge.add({block.slo: batch})
            elif batch[0].start >= ledger.cursors[block.slo]:
                ledger.judge.add({block.slo: batch})
                ledger.note_shares(block.slo, batch)
                ledger.cursors[block.slo] = batch[-1].end
            ledger.without_history.discard(block.slo)
        return ledger

    @property
    def length(self) -> timedelta:
        """Length of a window."""
        return self.policy.analysis.window

    @property
    def next_at(self) -> datetime:
        """When the next window can be read."""
        return max(self.cursors.values()) + self.length + settle_time(self.length)

    async def catch_up(self, source: Metrics, now: datetime) -> None:
        """Reads the windows that are over and settled; on trouble an SLO's cursor stays and ``trouble`` says why."""
        await asyncio.gather(*(self._catch_up(source, slo, now) for slo in self.policy.slos))

    async def _catch_up(self, source: Metrics, slo: Slo, now: datetime) -> None:
        self.trouble.pop(slo.name, None)
        clock = asyncio.get_running_loop().time
        until = clock() + BUDGET
        for _ in range(BATCHES):
            most = 1 if slo.indicator.gauge is not None else BLOCK
            start = self.cursors[slo.name]
            count = math.floor((now - settle_time(self.length) - start) / self.length)
            if count <= 0 or clock() > until:
                return
            grid = Grid(start, self.length, min(count, most))
            try:
                past = await self._past(source, slo) if slo.name in self.without_history else []
                batch = await read(source, self.policy, slo, self.names, grid)
            except MetricsError as error:
                self.trouble[slo.name] = str(error)
                return
            self._remember(slo.name, past)
            self.judge.add({slo.name: batch})
            self.note_shares(slo.name, batch)
            self.unsealed.setdefault(slo.name, []).extend(batch)
            self.cursors[slo.name] = batch[-1].end

    async def _past(self, source: Metrics, slo: Slo) -> list[Interval]:
        """Stable's time before the candidate; nothing if it cannot be read: the watch does not wait for it."""
        if slo.indicator.gauge is not None:
            return []
        length = max(HISTORY_WINDOW, self.length)
        grid = Grid(self.begun - HISTORY_WINDOWS * length, length, HISTORY_WINDOWS)
        try:
            found = await read(source, self.policy, slo, self.names, grid, raw=True)
        except MetricsError:
            return []
        past = [replace(i, candidate=None) for i in found if isinstance(i, Window | MeanWindow)]
        return list(dropwhile(_stable_unknown, past))

    def _remember(self, name: str, past: list[Interval]) -> None:
        """Judges the history before the first window that is read, and never again."""
        if past:
            self.judge.add({name: past})
            self.history[name] = past
        self.without_history.discard(name)

    def note_shares(self, name: str, batch: list[Interval]) -> None:
        """Keeps the windows that tell how the traffic splits."""
        # Requests only: events of one's own may come in batches, and need not be as many for each request.
        requests = (slo for slo in self.policy.slos if slo.indicator.availability or slo.indicator.latency)
        counting = next((slo.name for slo in requests), None)
        if name == counting:
            self.shares.extend(w for w in batch if isinstance(w, Window))

    def split(self, step_started_at: datetime | None, weight: int) -> Split | None:
        """The arms' requests in the windows since the step began, against its weight."""
        since = [w for w in self.shares if step_started_at is not None and w.start >= step_started_at]
        pairs = [(w.candidate, w.stable) for w in since if w.candidate is not None and w.stable is not None]
        if not pairs:
            return None
        own = sum(candidate.total for candidate, _ in pairs)
        return split(own, own + sum(stable.total for _, stable in pairs), weight)

    def assess(self, step_started_at: datetime | None, now: datetime) -> Assessment:
        """Where the evidence stands; windows that should be there and are not hold."""
        missing = {name: window for name in self.cursors if (window := self._missing(name, now)) is not None}
        return self.judge.assess(step_started_at, missing)

    def _missing(self, name: str, now: datetime) -> Interval | None:
        cursor = self.cursors[name]
        if name in self.trouble:
            return Interval(cursor, self.length, error=self.trouble[name])
        late = now - settle_time(self.length) - cursor >= LATE_WINDOWS * self.length
        return Interval(cursor, self.length) if late else None

    def seal(self, *, everything: bool = False) -> list[WindowBlock]:
        """Full blocks (or all windows) since the last seal, for the record; ``sealed`` when they are written."""
        past = [(name, part) for name, batch in self.history.items() for part in _blocks(batch, everything=True)]
        live = [(name, part) for name, batch in self.unsealed.items() for part in _blocks(batch, everything=everything)]
        return [
            WindowBlock(
                slo=name,
                start=part[0].start,
                seconds=max(1, round(part[0].length.total_seconds())),
                counts=encode(part),
            )
            for name, part in (*past, *live)
        ]

    def sealed(self, *, everything: bool = False) -> None:
        """The blocks that ``seal`` gave are written."""
        self.history.clear()
        for name, batch in self.unsealed.items():
            kept = 0 if everything else len(batch) % BLOCK
            self.unsealed[name] = batch[len(batch) - kept :]


def _stored(block: WindowBlock, slo: Slo | None) -> list[Interval]:
    """The intervals of a sealed block; none if they do not fit the policy (the live one without a snapshot)."""
    if slo is None:
        return []
    try:
        length, kind = timedelta(seconds=block.seconds), kind_of(slo.indicator)
        return decode(block.counts, start=block.start, length=length, kind=kind)
    except ValueError:
        return []


def _stable_unknown(interval: Interval) -> bool:
    return isinstance(interval, Window | MeanWindow) and interval.stable is None


def _blocks(batch: list[Interval], *, everything: bool) -> list[list[Interval]]:
    parts = [batch[i : i + BLOCK] for i in range(0, len(batch), BLOCK)]
    return [part for part in parts if everything or len(part) == BLOCK]


def _whole_second(at: datetime) -> datetime:
    """The next whole second: windows start on one, so that their times can be written exactly."""
    floor = at.replace(microsecond=0)
    return floor if floor == at else floor + timedelta(seconds=1)
