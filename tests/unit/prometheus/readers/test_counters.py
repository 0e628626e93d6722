"""Counters of the user's own and of a preset, from the series of a small world."""

from __future__ import annotations

import pytest

from serin.errors import QueryRejected
from serin.evidence import Counts, Window
from serin.indicators.measurements import Counters, PresetCounters, Selection, counter, observations_above
from serin.prometheus.readers import counters
from serin.schema.choices import Arms
from tests.metrics_world import GRID, IDENTITY, PODS, SECOND, T0, MetricsWorld


async def windows(world: MetricsWorld, *groups: Selection | PresetCounters, arms: Arms = Arms.POD) -> list[Window]:
    wanted = Counters(arms, groups)
    counters.check(wanted)
    return await counters.read(world, wanted, IDENTITY, GRID)


async def test_bad_and_total_of_ones_own() -> None:
    world = MetricsWorld()
    for arm, bad, total in (("candidate", 2, 10), ("stable", 1, 90)):
        world.counter("my_requests_total", arm, total, path="/v1")
        world.counter("my_bad_total", arm, bad, path="/v1")
        world.counter("my_bad_total", arm, 50, path="/other")
    found = await windows(world, counter('my_bad_total{path="/v1"}', bad=1, total=0), counter("my_requests_total"))
    assert found == [Window(T0 + i * SECOND, SECOND, Counts(2, 10), Counts(1, 90)) for i in range(2)]
    assert all('namespace="prod"' in text and "fraud-b-predictor" in text for text in world.asked)


async def test_one_metric_for_bad_and_total_is_told_apart_by_its_matchers() -> None:
    world = MetricsWorld()
    for arm, ok, bad in (("candidate", 8, 2), ("stable", 90, 0)):
        world.counter("http_requests_total", arm, ok, code="200")
        world.counter("http_requests_total", arm, bad, code="500")
    groups = counter('http_requests_total{code="500"}', bad=1, total=0), counter("http_requests_total")
    [first, _] = await windows(world, *groups)
    assert first == Window(T0, SECOND, Counts(2, 10), Counts(0, 90))


async def test_no_bad_series_while_there_are_events_means_none_bad() -> None:
    world = MetricsWorld()
    world.counter("my_requests_total", "candidate", 10)
    [first, _] = await windows(world, counter("my_bad_total", bad=1, total=0), counter("my_requests_total"))
    assert first == Window(T0, SECOND, Counts(0, 10), None)


@pytest.mark.parametrize(("label", "boundary"), [("0.5", 0.5), ("500", 500.0), ("500.0", 500.0)])
async def test_a_histogram_of_ones_own(label: str, boundary: float) -> None:
    world = MetricsWorld()
    for arm in PODS:
        world.counter("my_seconds_count", arm, 10)
        world.counter("my_seconds_bucket", arm, 7, le=label)
        world.counter("my_seconds_bucket", arm, 9, le="99")
    [first, _] = await windows(world, observations_above("my_seconds", boundary))
    assert first == Window(T0, SECOND, Counts(3, 10), Counts(3, 10))


async def test_a_histogram_without_the_boundary_says_so() -> None:
    world = MetricsWorld()
    world.counter("my_seconds_count", "candidate", 10)
    world.counter("my_seconds_bucket", "candidate", 9, le="1")
    [first, _] = await windows(world, observations_above("my_seconds", 0.5))
    assert "my_seconds_bucket has no bucket with le=0.5" in first.error


async def test_targets_are_asked_about_themselves_where_that_costs_no_query() -> None:
    world = MetricsWorld()
    await windows(world, counter("a_total", bad=1, total=0), counter('b_total{x="1"}'))
    assert ["|up" in text for text in world.asked] == [True, False]


async def test_istio_counts_by_workload_and_code() -> None:
    world = MetricsWorld()
    for service, codes in (
        ("fraud-b-predictor", {"200": 8, "503": 1, "0": 1}),
        ("fraud-a-predictor", {"200": 90, "404": 5}),
    ):
        for code, rate in codes.items():
            labels = {"destination_workload": service, "response_code": code, "reporter": "source"}
            world.counter("istio_requests_total", "stable", rate, destination_workload_namespace="prod", **labels)
            labels["reporter"] = "destination"
            world.counter("istio_requests_total", "stable", 50, destination_workload_namespace="prod", **labels)
    [first, _] = await windows(world, PresetCounters(), arms=Arms.ISTIO)
    assert first == Window(T0, SECOND, Counts(2, 10), Counts(0, 95, client_errors=5))
    [first, _] = await windows(world, PresetCounters(client_errors=True), arms=Arms.ISTIO)
    assert first == Window(T0, SECOND, Counts(0, 10), Counts(5, 95))


@pytest.mark.parametrize(
    ("arms", "name"),
    [
        (Arms.CONTOUR, "prod_{}-predictor_80"),
        (Arms.ENVOY_GATEWAY, "service/prod/{}-predictor/80/http"),
        (Arms.KOURIER, "prod/{}-predictor"),
    ],
)
async def test_envoy_counts_by_class_of_code_and_4xx_cost_no_query(arms: Arms, name: str) -> None:
    world = MetricsWorld()
    for service, classes in (("fraud-b", {"4": 10}), ("fraud-a", {"2": 85, "4": 4, "5": 1})):
        cluster = name.format(service)
        for code, rate in classes.items():
            labels = {"envoy_cluster_name": cluster, "envoy_response_code_class": code}
            world.counter("envoy_cluster_upstream_rq_xx", "stable", rate, **labels)
    [availability, _] = await windows(world, PresetCounters(), arms=arms)
    assert availability == Window(T0, SECOND, Counts(0, 10, client_errors=10), Counts(1, 90, client_errors=4))
    [refused, _] = await windows(world, PresetCounters(client_errors=True), arms=arms)
    assert refused == Window(T0, SECOND, Counts(10, 10), Counts(4, 90))
    first, second = world.asked
    assert first == second, "the same series, so that both are asked for at once"


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ([counter("rate(x[5m])")], "rate.x.5m.*expected a selector"),
        ([counter('x{r="$(revision)"}')], "is not known; there are: .*namespace"),
        ([observations_above("x{", 1.0)], "x.: not PromQL"),
        ([PresetCounters(client_errors=True)], "these arms do not tell which answers are 4xx: KServe's Python server"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_anything_is_asked(
    groups: list[Selection | PresetCounters], words: str
) -> None:
    with pytest.raises(QueryRejected, match=words):
        counters.check(Counters(Arms.POD, tuple(groups)))
