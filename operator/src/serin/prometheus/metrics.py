"""The port of this room: what the readers ask a Prometheus for. ``sharing.shared`` implements it per namespace."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from serin.prometheus.series import Series
from serin.prometheus.series_request import SeriesRequest
from serin.schema.choices import Arms


class Metrics(Protocol):
    """One Prometheus; all methods raise ``MetricsError``."""

    def required_matchers(self, arms: Arms) -> Mapping[str, str]:
        """Label values that every series must have that counts for these arms."""
        ...

    async def series(self, request: SeriesRequest) -> list[Series]:
        """Raw samples of counters."""
        ...

    async def samples(self, query: str, at: datetime) -> list[Series]:
        """Raw samples of a policy's own range selector."""
        ...

    async def counted(self, query: str, at: datetime, *, own: bool = False) -> list[Series]:
        """The values of an expression of Serin's own that counts, as a matrix of its one instant.

        ``own``: what it counts is picked by a policy's own selector, or exported by a model.
        """
        ...

    async def values(self, query: str, at: datetime) -> list[float]:
        """The values of a policy's own expression at an instant, one per series."""
        ...
