"""Histograms of a real Prometheus: whatever their form, the counts are those of the requests themselves."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from e2e.deploy.cluster import wait_until
from serin.api.promotion_policy import PromotionPolicySpec
from serin.evidence import Counts, Window
from serin.indicators.measurements import observations_above
from serin.prometheus.diagnose import found_instead
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.presets import preset
from serin.prometheus.readers.arm_query import ArmQuery
from serin.prometheus.readers.counter_groups import groups_of
from serin.prometheus.readers.sums import summed
from serin.prometheus.reading import read
from serin.prometheus.server.client import Prometheus
from serin.prometheus.server.credentials import Server
from serin.prometheus.sharing.shared import Shared
from serin.schema.choices import Arms
from tests.integration.prometheus.conftest import CANDIDATE, FORMS, STABLE, Scraped

SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Played:
    """Requests of both arms between two whole seconds, a restart of each pod among them."""

    grid: Grid
    requests: dict[str, list[float]]


@pytest.fixture(scope="module")
def played(scraped: Scraped) -> Played:
    draws = random.Random(7)
    scraped.again()
    begun = int(time.time())
    wait_until(lambda: time.time() > begun + 2, what="scrapes at the first edge", seconds=5)
    before = {name: len(pod.seen) for name, pod in scraped.pods.items()}
    start = datetime.fromtimestamp(int(time.time()), UTC)
    for name in (CANDIDATE, STABLE, CANDIDATE):
        for _ in range(60):
            for pod in scraped.pods.values():
                pod.observe(draws.lognormvariate(-1, 1.2))
            time.sleep(0.01)
        scraped.again()
        scraped.pods[name].restart()
    scraped.again()
    scraped.again()
    end = datetime.fromtimestamp(int(time.time()) + 1, UTC)
    wait_until(lambda: datetime.now(UTC) > end + SECOND, what="the last window is over", seconds=5)
    own = {name: pod.seen[before[name] :] for name, pod in scraped.pods.items()}
    return Played(Grid(start, SECOND, round((end - start) / SECOND)), own)


def policy(threshold: str) -> PromotionPolicySpec:
    indicator = {"histogram": {"selector": "my_seconds", "threshold": threshold}}
    slo = {"name": "x", "objective": "99.0", "indicator": indicator}
    return PromotionPolicySpec.model_validate({"arms": "Pod", "slos": [slo], "steps": [{"weight": 5, "for": "1m"}]})


def asked(scraped: Scraped, form: str, threshold: str, grid: Grid) -> tuple[list[Window], str]:
    """The windows, and what preflight finds wrong."""
    identity, spec = RolloutIdentity(form, "fraud-b", "fraud-a"), policy(threshold)

    async def ask() -> tuple[list[Any], str]:
        server = Server(url=scraped.url)
        prometheus = Prometheus(server)
        try:
            metrics = Shared(prometheus, server).of(form)
            found = await read(metrics, spec, spec.slos[0], identity, grid)
            return found, await found_instead(metrics, spec, spec.slos[0], identity, grid.end)
        finally:
            prometheus.close()

    return asyncio.run(ask())


def expected(requests: list[float], threshold: float) -> Counts:
    return Counts(sum(seconds > threshold for seconds in requests), len(requests))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("threshold", [0.25, 0.5, 1.0])
def test_counts_are_those_of_the_requests(scraped: Scraped, played: Played, form: str, threshold: float) -> None:
    """Window by window of one second, restarts among them, they add up to every request of each arm."""
    found, problem = asked(scraped, form, f"{threshold * 1000:.0f}ms", played.grid)
    assert problem == ""
    assert not [w.error for w in found if w.error]
    arms = {CANDIDATE: [w.candidate for w in found], STABLE: [w.stable for w in found]}
    for pod, windows in arms.items():
        assert None not in windows, form
        together = sum((counts for counts in windows if counts), start=Counts(0, 0))
        assert together == expected(played.requests[pod], threshold)
        assert together.total == 180
        assert 0 < together.bad < 180


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("classic", "le=0.3 is no bucket boundary; there are 0.1, 0.25, 0.5, 1"),
        ("nhcb", "my_seconds has no bucket boundary at 0.3, the nearest are 0.25 and 0.5"),
        (
            "exponential",
            "my_seconds has no bucket boundary at 0.3, the nearest are 0.29730177875068026 and 0.3242098886627524",
        ),
    ],
)
def test_a_threshold_within_a_bucket_is_refused_with_the_boundaries(
    scraped: Scraped, played: Played, form: str, words: str
) -> None:
    found, problem = asked(scraped, form, "300ms", played.grid)
    assert all("must be a bucket boundary" in w.error for w in found)
    assert words in problem


def added_up(scraped: Scraped, form: str, cell: Grid) -> Window:
    """The window as the server's own sums have it."""
    query = ArmQuery(preset(Arms.POD), RolloutIdentity(form, "fraud-b", "fraud-a"), cell)
    groups = groups_of(query.source, [observations_above("my_seconds", 0.5)], form)

    async def ask() -> Window:
        server = Server(url=scraped.url)
        prometheus = Prometheus(server)
        try:
            return await summed(Shared(prometheus, server).of(form).counted, query, groups)
        finally:
            prometheus.close()

    return asyncio.run(ask())


def test_sums_are_what_the_samples_count_or_say_why_not(scraped: Scraped, played: Played) -> None:
    """The same windows, from samples and from the server's sums: equal, or what stands in the way is named."""
    exact, _ = asked(scraped, "classic", "500ms", played.grid)
    told, requests = [], 0
    for window in exact:
        own = added_up(scraped, "classic", Grid(window.start, window.length, 1))
        if own.candidate is None or own.stable is None:
            told.append(own.error)
            continue
        assert (own.candidate, own.stable) == (window.candidate, window.stable)
        requests += own.candidate.total + own.stable.total
    assert requests, told
    assert any("counters began again" in words for words in told), "pods restart in this story"


def test_native_histograms_are_not_added_up(scraped: Scraped, played: Played) -> None:
    assert added_up(scraped, "exponential", played.grid).candidate is None
