"""The port of this room: what the readers ask a Prometheus for. ``server.shared`` implements it per namespace."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from serin.prometheus.series import Series
from serin.prometheus.series_request import SeriesRequest


class Metrics(Protocol):
    """One Prometheus; all methods raise ``MetricsError``."""

    async def series(self, request: SeriesRequest) -> list[Series]:
        """Raw samples of counters."""
        ...

    async def samples(self, query: str, at: datetime) -> list[Series]:
        """Raw samples of a policy's own range selector."""
        ...

    async def counted(self, query: str, at: datetime) -> list[Series]:
        """The values of an expression of Serin's own that counts, as a matrix of its one instant."""
        ...

    async def values(self, query: str, at: datetime) -> list[float]:
        """The values of a policy's own expression at an instant, one per series."""
        ...
