"""The protocol of a sink, which publishes announcements outside of Serin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from serin.cluster.client import Cluster
from serin.rollout.decision import Announcement


@dataclass(frozen=True, slots=True)
class Subject:
    """The ModelDeployment that an announcement is about."""

    obj: Mapping[str, Any]
    """The object as read from the API server."""
    at: datetime
    """When it happened."""

    @property
    def namespace(self) -> str:
        """Namespace of the ModelDeployment."""
        return str(self.obj["metadata"]["namespace"])

    @property
    def name(self) -> str:
        """Name of the ModelDeployment."""
        return str(self.obj["metadata"]["name"])


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What a sink is made from."""

    cluster: Cluster
    """The API client of this replica; it writes only while the replica leads."""
    settings: Mapping[str, Any]
    """The operator's settings by field name, without their class: the room ``controller`` is above this one."""


class Sink(Protocol):
    """Publishes announcements. A call has a short timeout, and its failure does not affect the pass."""

    async def publish(self, subject: Subject, announcement: Announcement) -> None:
        """Publishes one announcement; errors are logged by the caller."""
        ...
