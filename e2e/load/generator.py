"""How is a fixed rate kept, whatever the answers do?

Open loop: request ``i`` is due at ``start + i / rate``. Slow answers do not slow the sending. When too many
requests are in flight, those due are left out and counted, so that an outage cannot pile them up.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2e.load.answer import Answer
from e2e.load.client import PredictionClient

if TYPE_CHECKING:
    from collections.abc import Callable

LATE_SECONDS = 0.1
OFF_PACE_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What to send, where and how fast."""

    gateway: str
    """Base URL of the gateway."""
    host: str
    """Host header: the hostname of the model's route."""
    model: str
    """The served name."""
    body: bytes
    """A V2 inference request."""
    rate: float = 200.0
    """Requests per second."""
    limit: int = 400
    """Most requests in flight at once."""
    timeout: float = 10.0
    """Seconds after which an unanswered request counts as failed."""


@dataclass(slots=True)
class LoadReport:
    """How well the pace was kept; only then do the answers mean what they seem to."""

    sent: int = 0
    late: int = 0
    """Sent more than ``LATE_SECONDS`` after they were due."""
    left_out: int = 0
    """Never sent, because ``limit`` requests were in flight."""
    worst_delay: float = 0.0
    """Seconds."""

    def count(self, delay: float) -> None:
        """One request sent ``delay`` seconds after it was due."""
        self.sent += 1
        self.late += delay > LATE_SECONDS
        self.worst_delay = max(self.worst_delay, delay)

    @property
    def kept_pace(self) -> bool:
        """Whether next to nothing was late or left out; otherwise the machine was too busy."""
        return self.late + self.left_out <= OFF_PACE_SHARE * (self.sent + self.left_out)

    @property
    def sentence(self) -> str:
        """The report for people."""
        return (
            f"{self.sent} requests sent, {self.late} of them more than {LATE_SECONDS * 1000:.0f} ms late "
            f"(worst {self.worst_delay * 1000:.0f} ms), {self.left_out} left out"
        )


async def drive(plan: LoadPlan, sink: Callable[[Answer], None], stop: asyncio.Event, report: LoadReport) -> None:
    """Send at ``plan.rate`` until ``stop``, then await what is in flight; every answer goes to ``sink``."""
    async with (
        PredictionClient(
            plan.gateway, plan.host, plan.model, plan.body, limit=plan.limit, timeout=plan.timeout
        ) as client,
        asyncio.TaskGroup() as tasks,
    ):
        in_flight: set[asyncio.Task[None]] = set()
        start = time.monotonic()
        for number in itertools.count():
            due = start + number / plan.rate
            if await _stopped(stop, due - time.monotonic()):
                return
            if len(in_flight) >= plan.limit:
                report.left_out += 1
                continue
            report.count(time.monotonic() - due)
            task = tasks.create_task(_one(client, sink))
            in_flight.add(task)
            task.add_done_callback(in_flight.discard)


async def _one(client: PredictionClient, sink: Callable[[Answer], None]) -> None:
    sink(Answer(*await client.timed()))


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    """Wait until due; whether it is time to stop. Sleeping is cheaper than waiting for the event."""
    await asyncio.sleep(max(seconds, 0.0))
    return stop.is_set()
