"""How many queries do N active rollouts cost one Prometheus? `make bench-queries`; simulated time, the real reader."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta

from serin.api.promotion_policy import PromotionPolicySpec
from serin.controller.reconciliation.window_reader import WindowReader
from serin.controller.settings import Settings
from serin.evidence import settle_time
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.series import Series
from serin.prometheus.server.credentials import Server
from serin.prometheus.sharing.shared import Shared
from tests.clock import START

TICKS = 8
WARM_UP = 2
WINDOW = timedelta(seconds=15)
POLICY = PromotionPolicySpec.model_validate(
    {
        "slos": [
            {"name": "availability", "objective": "99.0", "indicator": {"availability": {}}},
            {"name": "latency", "objective": "99.0", "indicator": {"latency": {"threshold": "500ms"}}},
        ],
        "analysis": {"window": "15s"},
        "steps": [{"weight": 5, "for": "5m"}],
    }
)


class Counting:
    """A Prometheus that only counts."""

    def __init__(self) -> None:
        self.queries = self.longest = 0

    async def matrix(self, query: str, at: datetime, **about: object) -> list[Series]:
        del at, about
        self.queries += 1
        self.longest = max(self.longest, len(query))
        await asyncio.sleep(0)
        return []

    async def values(self, query: str, at: datetime, **about: object) -> list[float]:
        raise NotImplementedError


async def _gathered(_: float) -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def measured(rollouts: int, workers: int) -> tuple[float, int]:
    """Queries per window of 15 s, and the longest query in characters."""
    draw = random.Random(1)
    source = Counting()
    shared = Shared(source, Server(url="http://prometheus:9090"), pause=_gathered)
    readers = []
    for number in range(rollouts):
        begun = START + timedelta(seconds=draw.randrange(15))
        identity = RolloutIdentity(f"team-{number % 20}", f"model-{number}-1a2b3c4d", f"model-{number}-5e6f7a8b")
        reader = WindowReader.restore(POLICY, identity, begun, None)
        reader.history.pending.clear()
        readers.append(reader)
    before = 0
    for second in range(int(TICKS * WINDOW.total_seconds())):
        now = START + timedelta(seconds=second) + settle_time(WINDOW)
        if second == WARM_UP * WINDOW.total_seconds():
            before = source.queries
        due = [reader for reader in readers if reader.next_at <= now]
        for first in range(0, len(due), workers):
            await asyncio.gather(
                *(reader.catch_up(shared.of(reader.identity.namespace), now) for reader in due[first : first + workers])
            )
    return (source.queries - before) / (TICKS - WARM_UP), source.longest


def main() -> None:
    """The table of docs/concepts/metrics.md."""
    workers = Settings(prometheus=()).workers
    print(f"windows of 15 s, two SLOs, {workers} workers")
    print("rollouts  queries per 15 s  one by one  longest query")
    for rollouts in (1, 50, 500):
        queries, longest = asyncio.run(measured(rollouts, workers))
        print(f"{rollouts:8}  {queries:16.1f}  {2 * rollouts:10}  {longest:13}")


if __name__ == "__main__":
    main()
