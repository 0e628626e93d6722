"""The outbox: hands notifications to their receivers, outside of the passes, until each has taken them.

What is to be told stands in the status of the ModelDeployment, written together with the decision. Passes offer it here
again and again, which costs a look into a dictionary; what was taken is noted here until a pass has removed it from the
status. So nothing is lost with the process, and nothing is sent again but what was taken in the moment in which the
process died: that has the same id.

Each receiver has a line of its own and a task of its own. One that is slow or dead holds up its own line only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from serin.api.notification import Notification
from serin.notify.line import Line
from serin.notify.receiver import Delivery, Key, Receiver
from serin.rollout.notifications.notifying import SILENT, Addressee, Notifying

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

log = structlog.get_logger()
LAST_WORDS = 2.0
"""Seconds that a process which ends waits for what is under way."""
LOOK_AGAIN = 1.0
"""Seconds until a replica that may not lead looks again; it is about to end."""


class Outbox:
    """The lines of all receivers. ``offer`` never waits and never fails."""

    def __init__(
        self,
        receivers: Sequence[tuple[Receiver, Addressee]] = (),
        *,
        wall: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        leads: Callable[[], bool] = lambda: True,
        told: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        """``wall`` is the time of day; ``told`` gets each result with its receiver, for the metrics."""
        self._addressees = tuple(addressee for _, addressee in receivers)
        self._leads, self._stopping = leads, False
        self._moved = asyncio.Event()
        """Set when something was sent, or when a status that says so was written."""
        self._wake: Callable[[Key], None] = lambda _: None
        self._settled: dict[Key, set[tuple[str, str]]] = {}
        self.lines: Mapping[str, Line] = {
            receiver.name: Line(receiver, clock, wall, told, self._settle, self._look) for receiver, _ in receivers
        }

    def notifying(self, key: Key, changed: tuple[str, ...] = (), contact: str = "") -> Notifying:
        """What a decision about the ModelDeployment has to know of the receivers."""
        if not self._addressees:
            return SILENT
        trouble = (line.trouble(key) for line in self.lines.values())
        settled = frozenset(self._settled.get(key, ()))
        return Notifying(self._addressees, settled, tuple(filter(None, trouble)), changed, contact)

    def offer(self, key: Key, pending: Sequence[Notification], standing: Notification | None) -> None:
        """Takes what stands in a status that has been written, and what lasts."""
        if not self.lines:
            return
        self._moved.set()
        there = {(note.id, name) for note in pending for name in note.to}
        settled = self._settled.get(key, set()) & there
        if settled:
            self._settled[key] = settled
        else:
            self._settled.pop(key, None)
        for name, line in self.lines.items():
            mine = (note for note in pending if name in note.to and (note.id, name) not in settled)
            line.offer(key, mine)
            lasts = standing is not None and name in standing.to
            line.lasts(key, Delivery(key, standing) if standing is not None and lasts else None)

    def forget(self, key: Key) -> None:
        """The ModelDeployment is gone: what is under way is still told, and nothing is repeated any more."""
        self._settled.pop(key, None)
        for line in self.lines.values():
            line.lasts(key, None)

    def _settle(self, key: Key, note_id: str, receiver: str) -> None:
        self._settled.setdefault(key, set()).add((note_id, receiver))
        self._look((key,))

    def _look(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._wake(key)

    @asynccontextmanager
    async def delivering(self, wake: Callable[[Key], None]) -> AsyncIterator[None]:
        """Delivers during the block; ``wake`` asks for a pass over a ModelDeployment whose status has to change."""
        self._wake, self._stopping = wake, False
        tasks = [asyncio.create_task(self._run(line)) for line in self.lines.values()]
        try:
            yield
        finally:
            await self._finish()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for line in self.lines.values():
                with suppress(Exception):
                    await line.receiver.close()

    async def _finish(self) -> None:
        """Starts nothing more, and lets what is under way end and be noted in the statuses: nobody sends it again."""
        self._stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                while self._leads() and (self._settled or any(line.sending for line in self.lines.values())):
                    self._moved.clear()
                    await self._moved.wait()

    def _may_send(self) -> bool:
        return not self._stopping and self._leads()

    async def _run(self, line: Line) -> None:
        while True:
            wait = await self.step(line)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await line.changed.wait()

    async def step(self, line: Line) -> float | None:
        """Sends what is due; returns the seconds until more is, None if only an offer can change that."""
        line.changed.clear()
        if not self._may_send():
            return LOOK_AGAIN
        try:
            return await line.work(self._may_send)
        except Exception:  # a bug in a receiver's own code ends neither its line nor the process
            log.exception("notification not delivered", receiver=line.receiver.name)
            return line.stumble()
        finally:
            self._moved.set()
