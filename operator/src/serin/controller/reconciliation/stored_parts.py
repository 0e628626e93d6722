"""Gives a restarted reader the windows that stand in further parts of its rollout's record, a few in each pass."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.promotion_record import WindowBlock
from serin.cluster import resources
from serin.cluster.client import Cluster
from serin.controller.reconciliation.unsealed_windows import stored_windows
from serin.controller.snapshot.rollout_records import get_or_none
from serin.errors import ClusterError, NotLeader
from serin.evidence import Interval
from serin.records import build, parts

log = structlog.get_logger()
BUDGET = 1.0
"""Seconds of a pass. Judging a window takes a millisecond, and a part has thousands: a pass decides in between."""
READ_TIMEOUT = 2.0
"""Seconds for one part."""
MOST_FAILURES = 5
"""After so many reads that failed, the rest is read from Prometheus."""


class Restarted(Protocol):
    """A reader that takes windows which the record has."""

    @property
    def policy(self) -> PromotionPolicySpec:
        """Whose SLOs are counted."""
        ...

    def take_stored(self, name: str, batch: list[Interval]) -> None:
        """Judges them; the oldest come first."""
        ...


@dataclass(slots=True)
class StoredParts:
    """The parts of a record that a reader has not taken yet."""

    record: str
    number: int = 2
    failures: int = 0
    blocks: tuple[WindowBlock, ...] = ()
    """Of the part before ``number``, those that were not taken yet."""

    async def learn(
        self, cluster: Cluster, namespace: str, reader: Restarted, clock: Callable[[], float] | None = None
    ) -> bool:
        """Takes windows for ``BUDGET``; whether all parts are taken, or given up."""
        clock = clock or asyncio.get_running_loop().time
        until = clock() + BUDGET
        slos = {slo.name: slo for slo in reader.policy.slos}
        while clock() < until:
            if not self.blocks:
                found = await self._next(cluster, namespace)
                if found is None:
                    return self.failures in {0, MOST_FAILURES}
                self.blocks = found
            for index, block in enumerate(self.blocks):
                reader.take_stored(block.slo, stored_windows(block, slos.get(block.slo)))
                await asyncio.sleep(0)
                if clock() >= until:
                    self.blocks = self.blocks[index + 1 :]
                    return False
            self.blocks = ()
        return False

    async def _next(self, cluster: Cluster, namespace: str) -> tuple[WindowBlock, ...] | None:
        """The blocks of the next part; None if there is none, or if it cannot be read now."""
        name = parts.part_name(self.record, self.number)
        try:
            async with asyncio.timeout(READ_TIMEOUT):
                obj = await get_or_none(cluster, resources.PROMOTION_RECORDS, namespace, name)
        except NotLeader:
            raise
        except (ClusterError, TimeoutError) as error:
            self.failures += 1
            log.warning("part not read", namespace=namespace, name=name, error=str(error)[:300])
            return None
        self.failures = 0
        found = build.parse(obj) if obj is not None else None
        if found is None or found.spec.continues != self.record:
            return None
        self.number += 1
        return tuple(sorted(found.status.blocks, key=lambda block: block.start))
