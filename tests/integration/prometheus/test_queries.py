"""The real server takes every query that the presets make: raw samples, sums, and what preflight asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from serin.prometheus.client import Prometheus
from serin.prometheus.counts import Grid
from serin.prometheus.credentials import Server
from serin.prometheus.diagnose import told_missing
from serin.prometheus.parts import Part
from serin.prometheus.presets import preset
from serin.prometheus.reading import Look, Names
from serin.prometheus.shared import Shared
from serin.prometheus.sums import query
from serin.schema.choices import Arms
from tests.integration.prometheus.conftest import Scraped

NAMES = Names("nowhere", "fraud-b", "fraud-a")
WINDOW = timedelta(seconds=15)


@pytest.mark.parametrize("arms", [arms for arms in Arms if preset(arms).counts_by_arms])
async def test_every_preset(scraped: Scraped, arms: Arms) -> None:
    """Those that policies may not use yet, too: nothing is there, which is an answer and no error."""
    source, at = preset(arms), datetime.now(UTC).replace(microsecond=0)
    look = Look(source, NAMES, Grid(at - WINDOW, WINDOW, 1))
    prometheus = Prometheus(Server(url=scraped.url))
    try:
        for terms in (source.availability, source.at_threshold(timedelta(milliseconds=500))):
            want = look.want(Part(terms))
            assert await Shared(prometheus).series(want) == []
            assert await prometheus.matrix(query(terms, want.shape.matchers, look.patterns, WINDOW), at) == []
            assert "is what exports it scraped?" in await told_missing(Shared(prometheus), look, want, at)
    finally:
        prometheus.close()
