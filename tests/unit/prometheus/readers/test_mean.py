"""Means per arm, from the series of a small world."""

from __future__ import annotations

import pytest

from serin import evidence
from serin.errors import QueryRejected
from serin.evidence import MeanWindow
from serin.indicators.measurements import Mean
from serin.prometheus.readers import mean
from serin.prometheus.series import Series
from serin.schema.choices import Arms
from tests.metrics_world import GRID, IDENTITY, PODS, SECOND, T0, MetricsWorld

SCORE = Mean(Arms.POD, "score_sum", "score_count")


async def first_window(world: MetricsWorld) -> MeanWindow:
    return (await mean.read(world, SCORE, IDENTITY, GRID))[0]


async def test_means_per_arm() -> None:
    world = MetricsWorld()
    for arm, value, rate in (("candidate", 0.31, 10), ("stable", 0.30, 90)):
        world.counter("score_sum", arm, value * rate)
        world.counter("score_count", arm, rate)
    first = await first_window(world)
    assert first.candidate is not None
    assert (round(first.candidate.value, 9), first.candidate.count) == (0.31, 10)
    assert first.stable is not None
    assert (round(first.stable.value, 9), first.stable.count) == (0.30, 90)


async def test_the_mean_of_a_new_pods_requests_from_the_first_on() -> None:
    """Its target was scraped before; ``up`` itself is no sum."""
    world = MetricsWorld()
    labels = {"pod": PODS["candidate"], "namespace": "prod"}
    world.counters.append(Series({**labels, "__name__": "up"}, [998.0, 999.0, 1000.0, 1001.0], [1.0] * 4))
    for name, value in (("score_sum", 2.0), ("score_count", 8.0)):
        world.counters.append(Series({**labels, "__name__": name}, [1000.5], [value]))
    assert await first_window(world) == MeanWindow(T0, SECOND, evidence.Mean(0.25, 8), None)
    assert all('"process_start_time_seconds|score_' in text and "|up" in text for text in world.asked)


async def test_a_mean_without_its_sum_is_no_data_and_no_zero() -> None:
    world = MetricsWorld()
    world.counter("score_sum", "stable", 0.7 * 90)
    for arm in PODS:
        world.counter("score_count", arm, 50)
    first = await first_window(world)
    assert first.candidate is None
    assert first.stable is not None


async def test_a_mean_does_not_count_the_history_of_a_pod_that_comes_back() -> None:
    world = MetricsWorld()
    for arm in PODS:
        world.counter("score_sum", arm, 5, instance="1")
        world.counter("score_count", arm, 10, instance="1")
    for name in ("score_sum", "score_count"):
        labels = {"__name__": name, "pod": PODS["candidate"], "namespace": "prod", "instance": "2"}
        world.counters.append(Series(labels, [1000.5, 1001.5], [5e6, 5e6]))
    assert (await first_window(world)).candidate == evidence.Mean(0.5, 10)


async def test_copies_of_a_series_have_no_mean() -> None:
    world = MetricsWorld()
    for replica in ("a", "b"):
        world.counter("score_sum", "candidate", 5, replica=replica)
        world.counter("score_count", "candidate", 10, replica=replica)
    assert "score_sum is there twice, told apart by replica" in (await first_window(world)).error


def test_a_mean_of_an_expression_is_refused() -> None:
    with pytest.raises(QueryRejected, match=r"b \+ c"):
        mean.check(Mean(Arms.POD, "a", "b + c"))
