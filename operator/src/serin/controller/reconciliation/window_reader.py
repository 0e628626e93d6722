"""Which windows has a rollout seen? Reads them from Prometheus in order, feeds the judge, seals them for the record.

Windows lie on a grid that starts with the first weight, so a restarted operator reads the same windows at the same
explicit times; what is sealed in the record is not read again.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import dropwhile

import structlog

from serin.analysis.assessment import judges_of
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.promotion_record import PromotionRecordStatus, WindowBlock
from serin.api.slo import Slo
from serin.errors import MetricsError
from serin.evidence import Assessment, Interval, Split, Window, settle_time
from serin.judge.slo import SloJudge
from serin.judge.split import split
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.metrics import Metrics
from serin.prometheus.reading import read
from serin.together import together

log = structlog.get_logger()
BLOCK = 20
"""Windows per sealed block, and at most so many are read with one query."""
HISTORY_WINDOW = timedelta(minutes=1)
HISTORY_WINDOWS = 30
"""Stable's half hour before the candidate: how bursty its bad requests are."""
HISTORY_PATIENCE = 2.0
"""Seconds: the first windows do not wait longer for it."""
HISTORY_AGAIN = timedelta(minutes=1)
"""Between two tries to read it."""
HISTORY_USEFUL = 10
"""Of its windows: after so long stable's time beside the candidate tells as much, and it is not asked for any more."""
BATCHES = 5
"""Queries per SLO and pass, so that catching up after an outage does not hold up a worker."""
SHARES = 240
"""Windows whose requests are compared with the weight: an hour of 15 s."""
BUDGET = 2.0
"""Seconds after which no further batch is begun: what has been read is judged first. A gauge is read one by one."""
MOST_OUTAGES = 8
LATE_WINDOWS = 3
"""So many windows behind and what is known is too old to move forward on."""


@dataclass(slots=True)
class WindowReader:
    """The windows of one rollout. Each SLO is read on its own: one that cannot be read does not blind the others."""

    policy: PromotionPolicySpec
    identity: RolloutIdentity
    begun: datetime
    """Start of the first window."""
    cursors: dict[str, datetime]
    """Per SLO the start of the next window to read."""
    judges: dict[str, SloJudge]
    without_history: set[str]
    """SLOs whose stable arm's time before the candidate has not been read, and may still be."""
    tried: dict[str, datetime] = field(default_factory=dict)
    """Per SLO when that was last tried in vain."""
    early: dict[str, list[Interval]] = field(default_factory=dict)
    """Windows of such an SLO: they are judged again once its history is known."""
    history: dict[str, list[Interval]] = field(default_factory=dict)
    """What has been read of it and is not in the record yet."""
    unsealed: dict[str, list[Interval]] = field(default_factory=dict)
    shares: deque[Window] = field(default_factory=lambda: deque(maxlen=SHARES))
    """The newest windows of the first SLO that counts: how the traffic really splits."""
    preview_only: bool = False
    """Of a preview: what testers send may condemn a candidate, and proves nothing for it later."""
    of_record: bool = True
    """The policy is the snapshot of the record; False for the live one, by which only the watch goes on."""
    trouble: dict[str, str] = field(default_factory=dict)
    """Per SLO why its newest windows could not be read."""
    outages: deque[tuple[datetime, datetime]] = field(default_factory=lambda: deque(maxlen=MOST_OUTAGES))
    """When the candidate had no endpoint: nobody's answers, and not its own doing."""

    @classmethod
    def restore(
        cls,
        policy: PromotionPolicySpec,
        identity: RolloutIdentity,
        begun: datetime,
        record: PromotionRecordStatus | None,
    ) -> WindowReader:
        """The ledger as the record knows it; ``begun`` is when the first weight was in force."""
        start, slos = _whole_second(begun), {slo.name: slo for slo in policy.slos}
        ledger = cls(policy, identity, start, dict.fromkeys(slos, start), judges_of(policy), _with_a_past(policy))
        # In order of time: history that was read late stands behind the first windows.
        for block in sorted(record.blocks if record else [], key=lambda block: block.start):
            batch = _stored(block, slos.get(block.slo))
            if not batch:
                continue
            if batch[-1].end <= start:
                ledger.learn(block.slo, batch)
            elif batch[0].start >= ledger.cursors[block.slo]:
                ledger.learn(block.slo, batch)
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
        """Reads the windows that are over and settled; on trouble an SLO's cursor stays and ``trouble`` says why.

        When it returns nothing is being read any more. A bug in one SLO does not break off the others: its error is
        raised as it is once they have been read, too.
        """
        bugs: list[Exception] = []

        async def own(slo: Slo) -> None:
            try:
                await self._catch_up(source, slo, now)
            except Exception as error:  # noqa: BLE001 - raised below
                self.trouble[slo.name] = f"{type(error).__name__}: {error}"
                bugs.append(error)

        async with asyncio.TaskGroup() as group:
            for slo in self.policy.slos:
                group.create_task(own(slo))
        if bugs:
            raise bugs[0]

    async def _catch_up(self, source: Metrics, slo: Slo, now: datetime) -> None:
        self.trouble.pop(slo.name, None)
        clock = asyncio.get_running_loop().time
        until = clock() + BUDGET
        for _ in range(BATCHES):
            most = BLOCK if slo.indicator.chosen.measurement(self.policy.arms_of(slo)).batches else 1
            start = self.cursors[slo.name]
            count = math.floor((now - settle_time(self.length) - start) / self.length)
            if count <= 0 or clock() > until:
                return
            grid = Grid(start, self.length, min(count, most))
            reading = [read(source, self.policy, slo, self.identity, grid)]
            if self._asks_for_history(slo.name, now):
                reading.insert(0, self._past(source, slo, now))
            try:
                *_, batch = await together(*reading)
            except MetricsError as error:
                self.trouble[slo.name] = str(error)
                return
            self._take(slo.name, batch)

    def _asks_for_history(self, name: str, now: datetime) -> bool:
        """Whether to try (again) to read stable's time before the candidate; in the end it is of no use any more."""
        if name not in self.without_history:
            return False
        known = self.cursors[name] - self.begun
        if known >= HISTORY_USEFUL * max(HISTORY_WINDOW, self.length) or self.judges[name].breached_at is not None:
            self._without_history_for_good(name)  # what was decided on a breach is not judged in another way later
            return False
        return name not in self.tried or now - self.tried[name] >= HISTORY_AGAIN

    async def _past(self, source: Metrics, slo: Slo, now: datetime) -> list[Interval]:
        """Reads and judges stable's time before the candidate; nothing if that fails, and a later try may do.

        Neither trouble nor a bug in it may blind the watch.
        """
        length = max(HISTORY_WINDOW, self.length)
        grid = Grid(self.begun - HISTORY_WINDOWS * length, length, HISTORY_WINDOWS)
        try:
            async with asyncio.timeout(HISTORY_PATIENCE):
                found = await read(source, self.policy, slo, self.identity, grid, raw=True)
            past = [interval.without_candidate() for interval in found]
            known = list(dropwhile(lambda interval: not interval.tells_of_stable, past))
            self._remember(slo.name, known)
        except (MetricsError, TimeoutError):
            self.tried[slo.name] = now
        except Exception:
            self.tried[slo.name] = now
            log.exception("history not read", slo=slo.name, stable=self.identity.stable)
        else:
            return known
        return []

    def _remember(self, name: str, past: list[Interval]) -> None:
        """Judges the history before the windows of the candidate, and those that were judged without it once more."""
        if past:
            judge = judges_of(self.policy)[name]
            for interval in (*past, *self.early.get(name, [])):
                judge.add(interval)
            self.judges[name], self.history[name] = judge, past
        self._without_history_for_good(name)

    def _without_history_for_good(self, name: str) -> None:
        self.without_history.discard(name)
        self.early.pop(name, None)

    def note_outage(self, begun: datetime, now: datetime) -> None:
        """The candidate has had no endpoint since ``begun``, or since shortly before: it was seen then.

        The gateway has answered for it meanwhile; a drained node is no evidence against a revision (DESIGN, rule 15).
        """
        start = begun - self.length
        if self.outages and self.outages[-1][0] == start:
            self.outages.pop()
        self.outages.append((start, now))

    def _own(self, interval: Interval) -> Interval:
        """The interval, without the candidate's counts where the gateway answered in its place."""
        away = any(interval.start < end and start < interval.end for start, end in self.outages)
        return interval.without_candidate() if away else interval

    def _take(self, name: str, batch: list[Interval]) -> None:
        """Judges windows and keeps them for the record. The cursor moves first: a bug never has one taken twice."""
        batch = [self._own(interval) for interval in batch]
        self.cursors[name] = batch[-1].end
        self.unsealed.setdefault(name, []).extend(batch)
        if name in self.without_history:
            self.early.setdefault(name, []).extend(batch)
        self.note_shares(name, batch)
        self.learn(name, batch)

    def learn(self, name: str, batch: Iterable[Interval]) -> None:
        """Judges intervals of one SLO, in order of time."""
        for interval in batch:
            self.judges[name].add(interval)

    def note_shares(self, name: str, batch: list[Interval]) -> None:
        """Keeps the windows that tell how the traffic splits."""
        # Requests only: events of one's own may come in batches, and need not be as many for each request.
        requests = (slo for slo in self.policy.slos if slo.indicator.chosen.counts_requests)
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
        reports = (judge.report(step_started_at, missing.get(name)) for name, judge in self.judges.items())
        return Assessment(tuple(reports))

    def _missing(self, name: str, now: datetime) -> Interval | None:
        cursor = self.cursors[name]
        if name in self.trouble:
            return Interval(cursor, self.length, error=self.trouble[name])
        late = now - settle_time(self.length) - cursor >= LATE_WINDOWS * self.length
        return Interval(cursor, self.length) if late else None

    def behind(self, decided_at: datetime) -> bool:
        """Whether a window is still to be read that could be read when the rollout was decided at ``decided_at``."""
        readable = decided_at - settle_time(self.length) - self.length
        return any(cursor <= readable for cursor in self.cursors.values())

    def seal(self, *, everything: bool = False) -> list[WindowBlock]:
        """Full blocks (or all windows) since the last seal, for the record; ``sealed`` when they are written."""
        kinds = {slo.name: slo.indicator.chosen for slo in self.policy.slos}
        past = [(name, part) for name, batch in self.history.items() for part in _blocks(batch, everything=True)]
        live = [(name, part) for name, batch in self.unsealed.items() for part in _blocks(batch, everything=everything)]
        return [
            WindowBlock(
                slo=name,
                start=part[0].start,
                seconds=max(1, round(part[0].length.total_seconds())),
                counts=kinds[name].encode(part),
            )
            for name, part in (*past, *live)
        ]

    def sealed(self, *, everything: bool = False) -> None:
        """The blocks that ``seal`` gave are written."""
        self.history.clear()
        for name, batch in self.unsealed.items():
            kept = 0 if everything else len(batch) % BLOCK
            self.unsealed[name] = batch[len(batch) - kept :]


def _with_a_past(policy: PromotionPolicySpec) -> set[str]:
    """SLOs that look at both arms: the others have no history of stable's."""
    return {slo.name for slo in policy.slos if slo.indicator.chosen.compares_arms}


def _stored(block: WindowBlock, slo: Slo | None) -> list[Interval]:
    """The intervals of a sealed block; none if they do not fit the policy (the live one without a snapshot)."""
    if slo is None:
        return []
    try:
        return slo.indicator.chosen.decode(block.counts, block.start, timedelta(seconds=block.seconds))
    except ValueError:
        return []


def _blocks(batch: list[Interval], *, everything: bool) -> list[list[Interval]]:
    parts = [batch[i : i + BLOCK] for i in range(0, len(batch), BLOCK)]
    return [part for part in parts if everything or len(part) == BLOCK]


def _whole_second(at: datetime) -> datetime:
    """The next whole second: windows start on one, so that their times can be written exactly."""
    floor = at.replace(microsecond=0)
    return floor if floor == at else floor + timedelta(seconds=1)
