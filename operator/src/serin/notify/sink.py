"""The port of a sink: somebody, or something, that is told what happens to ModelDeployments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from serin.rollout.decision import Announcement


@dataclass(frozen=True, slots=True)
class Subject:
    """The ModelDeployment that an announcement is about."""

    obj: Mapping[str, Any]
    """As it was read from the API server."""
    at: datetime
    """When it happened."""

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return str(self.obj["metadata"]["namespace"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.obj["metadata"]["name"])


class Sink(Protocol):
    """Where announcements go. Nothing waits for it longer than a moment, and its failure stops nothing."""

    async def tell(self, subject: Subject, announcement: Announcement) -> None:
        """Passes on one announcement; raises whatever went wrong, which is logged."""
        ...
