"""A small world behind the port ``Metrics``: the counters of both arms' pods, and the answers to expressions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import promql_parser

from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.series import Series
from serin.prometheus.series_request import SeriesRequest, query
from serin.schema.choices import Arms
from tests.fakes import satisfies

T0 = datetime.fromtimestamp(1000, tz=UTC)
SECOND = timedelta(seconds=1)
GRID = Grid(T0, SECOND, 2)
IDENTITY = RolloutIdentity("prod", "fraud-b", "fraud-a", revision="b", version="42")
PODS = {"candidate": "fraud-b-predictor-7f-x1", "stable": "fraud-a-predictor-66-y1"}


class MetricsWorld:
    """Implements ``Metrics``."""

    def __init__(self) -> None:
        self.counters: list[Series] = []
        self.raw: list[Series] = []
        self.answers: dict[str, list[float]] = {}
        self.asked: list[str] = []
        self.own: list[bool] = []
        """Of each request for counters: whether a policy's own selector picks them."""
        self.required: Mapping[Arms, Mapping[str, str]] = {}

    def counter(self, name: str, arm: str, rate: float, **labels: str) -> None:
        times = [float(t) for t in range(900, 1011)]
        own = {"__name__": name, "pod": PODS[arm], "namespace": "prod", **labels}
        self.counters.append(Series(own, times, [rate * (t - 900) for t in times]))

    def required_matchers(self, arms: Arms) -> Mapping[str, str]:
        return self.required.get(arms, {})

    async def series(self, request: SeriesRequest) -> list[Series]:
        text, _ = query([request])
        promql_parser.parse(text)
        self.asked.append(text)
        self.own.append(request.shape.own)
        start, end = request.start.timestamp(), request.end.timestamp()
        kept = [s for s in self.counters if request.matches(s) and satisfies(s.labels, request.shape.matchers)]
        return [s.between(start, end) for s in kept]

    async def samples(self, query: str, at: datetime) -> list[Series]:
        self.asked.append(query)
        return [s.between(0, at.timestamp()) for s in self.raw]

    async def counted(self, query: str, at: datetime, *, own: bool = False) -> list[Series]:
        raise AssertionError(f"{query} at {at} ({own}): nothing is too much to read here")

    async def values(self, query: str, at: datetime) -> list[float]:
        self.asked.append(f"{query} @ {at.timestamp():.0f}")
        return self.answers[query]
