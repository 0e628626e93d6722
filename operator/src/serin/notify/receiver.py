"""The protocol of a receiver: whoever is told outside of the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from serin.api.notification import Notification

Key = tuple[str, str]
"""(namespace, name) of a ModelDeployment."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notification, and the ModelDeployment that it is about."""

    key: Key
    notification: Notification

    @property
    def namespace(self) -> str:
        """Namespace of the ModelDeployment."""
        return self.key[0]

    @property
    def name(self) -> str:
        """Name of the ModelDeployment."""
        return self.key[1]


class Receiver(Protocol):
    """Takes notifications, one at a time; several receivers run beside each other."""

    name: str
    reminded_every: ClassVar[float | None]
    """Seconds between two reminders of what lasts; None for a receiver that is told once."""

    async def deliver(self, delivery: Delivery) -> None:
        """Hands one over; ``NotDelivered`` if it was not taken. It may have been taken all the same."""
        ...

    async def remind(self, lasting: Sequence[Delivery]) -> None:
        """Says again what is still so; ``NotDelivered``."""
        ...

    async def close(self) -> None:
        """Ends connections."""
        ...
