"""A lab whose operator tells receivers: each keeps what it took, and may be down, slow or gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from serin.controller.reconciliation.reconcile import Reconciler
from serin.errors import NotDelivered
from serin.notify.outbox import Outbox
from serin.notify.receiver import Delivery, Receiver
from serin.rollout.notifications.notifying import Addressee
from serin.schema.notification_kinds import NotificationKind
from tests.lab import POLICY, URL, Lab

EVERYTHING = frozenset(NotificationKind)


class Box:
    """A receiver that a test owns."""

    reminded_every: ClassVar[float | None] = None

    def __init__(self, name: str = "box", about: frozenset[NotificationKind] = EVERYTHING) -> None:
        self.name, self.about = name, about
        self.taken: list[Delivery] = []
        self.failures: list[NotDelivered] = []
        """What the next attempts come to."""
        self.after: Callable[[], None] = lambda: None
        """What happens when one was taken, before anybody knows it."""

    async def deliver(self, delivery: Delivery) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(delivery)
        self.after()

    async def remind(self, lasting: Sequence[Delivery]) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        return

    @property
    def kinds(self) -> list[str]:
        return [each.notification.kind.value for each in self.taken]

    @property
    def twice(self) -> list[str]:
        counted = Counter(each.notification.id for each in self.taken)
        return [each for each, times in counted.items() if times > 1]


class TellingLab(Lab):
    """One pass and one round of deliveries a tick."""

    def __init__(self, *boxes: Box, policy: dict[str, Any] = POLICY) -> None:
        self.boxes = boxes or (Box(),)
        self.sends, self.woken = True, list[tuple[str, str]]()
        super().__init__(policy)

    @property
    def box(self) -> Box:
        return self.boxes[0]

    def restart(self) -> None:
        pairs: list[tuple[Receiver, Addressee]] = [(box, Addressee(box.name, box.about)) for box in self.boxes]
        self.outbox = Outbox(pairs, wall=lambda: self.now, clock=self._seconds)
        self.outbox._wake = self.woken.append
        self.reconciler = Reconciler(self.seen_cluster, {URL: self.prometheus}, lambda: self.now, outbox=self.outbox)

    def _seconds(self) -> float:
        return self.now.timestamp()

    async def tick(self) -> Any:
        due = await super().tick()
        if self.sends:
            await self.send()
        return due

    async def send(self) -> None:
        for line in self.outbox.lines.values():
            await self.outbox.step(line)

    @property
    def pending(self) -> list[dict[str, Any]]:
        return list(self.status.get("notifications", []))
