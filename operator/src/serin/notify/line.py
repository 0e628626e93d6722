"""The line of one receiver: what waits for it, in order, with one attempt at a time and pauses that grow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from serin.api.notification import Notification
from serin.errors import NotDelivered
from serin.notify.receiver import Delivery, Key, Receiver
from serin.schema.types import format_time

log = structlog.get_logger()
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds after a failure; each further one in a row doubles the pause."""
LONGEST_LINE = 1000
"""What does not fit waits in the statuses, and is offered again by later passes."""
GIVEN_UP_AFTER = timedelta(hours=24)
"""Of no use to anybody any more. It is counted and logged."""
TOLD_AFTER = 60.0
"""Seconds that a receiver may fail before the ModelDeployments say so."""
DELIVERED, FAILED, GIVEN_UP = "delivered", "failed", "given_up"
RESULTS = (DELIVERED, FAILED, GIVEN_UP)
Settle = Callable[[Key, str, str], None]


@dataclass(frozen=True, slots=True)
class Failing:
    """A receiver that takes nothing."""

    since: datetime
    began: float
    """The same by the clock that pauses are measured with."""
    why: str
    """Of the first failure: a text that changes with each one would be a write of each status."""
    times: int
    told: bool = False


class Line:
    """What one receiver has not taken yet."""

    def __init__(  # noqa: PLR0917 - what the outbox has
        self,
        receiver: Receiver,
        clock: Callable[[], float],
        wall: Callable[[], datetime],
        told: Callable[[str, str], None],
        settle: Settle,
        look: Callable[[Iterable[Key]], None],
    ) -> None:
        self.receiver, self.changed = receiver, asyncio.Event()
        self.failing: Failing | None = None
        self.sending = False
        self._clock, self._wall, self._told, self._settle, self._look = clock, wall, told, settle, look
        self._waiting: dict[tuple[Key, str], Delivery] = {}
        self._lasting: dict[Key, Delivery] = {}
        self._next, self._remind_at = 0.0, 0.0

    def offer(self, key: Key, notes: Iterable[Notification]) -> None:
        """Adds what is not in the line yet."""
        for note in notes:
            if (key, note.id) not in self._waiting and len(self._waiting) < LONGEST_LINE:
                self._waiting[key, note.id] = Delivery(key, note)
                self.changed.set()

    def lasts(self, key: Key, delivery: Delivery | None) -> None:
        """Notes what is so for as long as it is said here; None if nothing is."""
        every = self.receiver.reminded_every
        if every is None:
            return
        if delivery is None:
            self._lasting.pop(key, None)
        elif key not in self._lasting:
            if not self._lasting:
                self._remind_at = self._clock() + every
            self._lasting[key] = delivery
            self.changed.set()
        else:
            self._lasting[key] = delivery

    @property
    def depth(self) -> int:
        """How many notifications wait."""
        return len(self._waiting)

    def trouble(self, key: Key) -> str:
        """That the receiver takes nothing, where something about the ModelDeployment waits; empty otherwise."""
        if self.failing is None or not self.failing.told or all(known != key for known, _ in self._waiting):
            return ""
        since = format_time(self.failing.since.replace(microsecond=0))
        return f"receiver {self.receiver.name} has taken no notification since {since}: {self.failing.why}"

    async def work(self, leads: Callable[[], bool]) -> float | None:
        """Sends what is due, one after another; returns the seconds until more is, None if nothing waits."""
        while self._waiting and self._clock() >= self._next and leads():
            place, delivery = next(iter(self._waiting.items()))
            if self._wall() - delivery.notification.at >= GIVEN_UP_AFTER:
                log.error("notification given up", receiver=self.receiver.name, id=delivery.notification.id)
                self._done(place, GIVEN_UP)
                continue
            self.sending = True
            try:
                await self.receiver.deliver(delivery)
            except NotDelivered as error:
                self._failed(error, place)
            else:
                self._recovered()
                self._done(place, DELIVERED)
            finally:
                self.sending = False
        await self._remind()
        self._tell()
        return self._wait()

    def stumble(self) -> float | None:
        """Notes a failure that nobody foresaw."""
        self._failed(NotDelivered("an error in Serin; its log has it", refused=True), next(iter(self._waiting), None))
        return self._wait()

    async def _remind(self) -> None:
        now, every = self._clock(), self.receiver.reminded_every
        if every is None or not self._lasting or now < max(self._remind_at, self._next):
            return
        self._remind_at = now + every
        try:
            await self.receiver.remind(list(self._lasting.values()))
        except NotDelivered as error:
            self._failed(error, None)
        else:
            self._recovered()

    def _wait(self) -> float | None:
        now, due = self._clock(), []
        if self._waiting:
            due.append(self._next)
        if self._lasting:
            due.append(max(self._remind_at, self._next))
        if self.failing is not None and not self.failing.told:
            due.append(self.failing.began + TOLD_AFTER)
        return max(0.0, min(due) - now) if due else None

    def _done(self, place: tuple[Key, str], result: str) -> None:
        del self._waiting[place]
        self._told(self.receiver.name, result)
        self._settle(*place, self.receiver.name)

    def _failed(self, error: NotDelivered, place: tuple[Key, str] | None) -> None:
        self._told(self.receiver.name, FAILED)
        log.warning("notification not delivered", receiver=self.receiver.name, error=str(error))
        old = self.failing
        self.failing = (
            replace(old, times=old.times + 1)
            if old is not None
            else Failing(self._wall(), self._clock(), str(error), times=1)
        )
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self.failing.times - 1, 10))
        self._next = self._clock() + max(pause, error.retry_after or 0.0)
        if error.refused and place is not None:  # the others need not wait for one that it does not want
            self._waiting[place] = self._waiting.pop(place)

    def _recovered(self) -> None:
        was, self.failing, self._next = self.failing, None, 0.0
        if was is not None and was.told:
            self._look({key for key, _ in self._waiting})

    def _tell(self) -> None:
        """Lets the ModelDeployments say that the receiver takes nothing, when it has lasted."""
        old = self.failing
        if old is not None and not old.told and self._clock() - old.began >= TOLD_AFTER:
            self.failing = replace(old, told=True)
            self._look({key for key, _ in self._waiting})
