"""The real server takes every query that the presets make: raw samples, sums, and what preflight asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from serin.prometheus.diagnose import describe_missing
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.presets import preset
from serin.prometheus.readers.arm_query import ArmQuery
from serin.prometheus.readers.counter_groups import CounterGroup
from serin.prometheus.readers.sums import query
from serin.prometheus.server.client import Prometheus
from serin.prometheus.server.credentials import Server
from serin.prometheus.sharing.shared import Shared
from serin.schema.choices import Arms
from tests.integration.prometheus.conftest import Scraped

IDENTITY = RolloutIdentity("nowhere", "fraud-b", "fraud-a")
WINDOW = timedelta(seconds=15)


@pytest.mark.parametrize("arms", [arms for arms in Arms if preset(arms).counts_by_arms])
async def test_every_preset(scraped: Scraped, arms: Arms) -> None:
    """Those that policies may not use yet, too: nothing is there, which is an answer and no error."""
    source, at = preset(arms), datetime.now(UTC).replace(microsecond=0)
    arm_query = ArmQuery(source, IDENTITY, Grid(at - WINDOW, WINDOW, 1))
    server = Server(url=scraped.url)
    prometheus = Prometheus(server)
    metrics = Shared(prometheus, server).of(IDENTITY.namespace)
    try:
        for terms in (source.availability, source.at_threshold(timedelta(milliseconds=500))):
            request = arm_query.request(CounterGroup(terms))
            assert await metrics.series(request) == []
            assert await prometheus.matrix(query(terms, request.shape.matchers, arm_query.patterns, WINDOW), at) == []
            assert "is what exports it scraped?" in await describe_missing(metrics, arm_query, request, at)
    finally:
        prometheus.close()
