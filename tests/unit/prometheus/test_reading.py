"""From a policy's indicator to intervals: each kind, with the series of a small world behind it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import promql_parser
import pytest

from serin.api.promotion_policy import PromotionPolicySpec
from serin.errors import QueryRejected
from serin.evidence import Counts, Evaluation, Interval, Mean, MeanWindow, Window
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.reading import read, unreadable
from serin.prometheus.series import NativeHistogram, Series
from serin.prometheus.series_request import SeriesRequest, query

T0 = datetime.fromtimestamp(1000, tz=UTC)
SECOND = timedelta(seconds=1)
GRID = Grid(T0, SECOND, 2)
NAMES = RolloutIdentity("prod", "fraud-b", "fraud-a", revision="b", version="42")
PODS = {"candidate": "fraud-b-predictor-7f-x1", "stable": "fraud-a-predictor-66-y1"}


class World:
    """Counters of both arms' pods, and the answers to expressions."""

    def __init__(self) -> None:
        self.counters: list[Series] = []
        self.raw: list[Series] = []
        self.answers: dict[str, list[float]] = {}
        self.asked: list[str] = []

    def counter(self, name: str, arm: str, rate: float, **labels: str) -> None:
        times = [float(t) for t in range(900, 1011)]
        own = {"__name__": name, "pod": PODS[arm], "namespace": "prod", **labels}
        self.counters.append(Series(own, times, [rate * (t - 900) for t in times]))

    async def series(self, want: SeriesRequest) -> list[Series]:
        text, _ = query([want])
        promql_parser.parse(text)
        self.asked.append(text)
        start, end = want.start.timestamp(), want.end.timestamp()
        kept = [s for s in self.counters if want.matches(s) and self._matches(s, want)]
        return [s.between(start, end) for s in kept]

    @staticmethod
    def _matches(series: Series, want: SeriesRequest) -> bool:
        """Equality matchers only: the rest is Prometheus's business."""
        pairs = (m.split("=", 1) for m in want.shape.matchers if "=~" not in m)
        return all(series.labels.get(key, "") == value.strip('"') for key, value in pairs)

    async def samples(self, query: str, at: datetime) -> list[Series]:
        self.asked.append(query)
        return [s.between(0, at.timestamp()) for s in self.raw]

    async def counted(self, query: str, at: datetime) -> list[Series]:
        raise AssertionError(f"{query} at {at}: nothing is too much to read here")

    async def values(self, query: str, at: datetime) -> list[float]:
        self.asked.append(f"{query} @ {at.timestamp():.0f}")
        return self.answers[query]


def policy(indicator: dict[str, Any], *, arms: str = "Pod") -> PromotionPolicySpec:
    counts = not {"gauge", "query"} & indicator.keys()
    slo = {"name": "x", "indicator": indicator, **({"objective": "99.0"} if counts else {})}
    return PromotionPolicySpec.model_validate({"arms": arms, "slos": [slo], "steps": [{"weight": 5, "for": "1m"}]})


async def intervals(world: World, indicator: dict[str, Any]) -> list[Interval]:
    spec = policy(indicator)
    assert unreadable(spec) is None
    return await read(world, spec, spec.slos[0], NAMES, GRID)


async def test_a_ratio_of_counters_of_ones_own() -> None:
    world = World()
    for arm, bad, total in (("candidate", 2, 10), ("stable", 1, 90)):
        world.counter("my_requests_total", arm, total, path="/v1")
        world.counter("my_bad_total", arm, bad, path="/v1")
        world.counter("my_bad_total", arm, 50, path="/other")
    found = await intervals(
        world, {"ratio": {"bad": 'my_bad_total{path="/v1"}', "total": "my_requests_total", "arms": "Pod"}}
    )
    assert found == [Window(T0 + i * SECOND, SECOND, Counts(2, 10), Counts(1, 90)) for i in range(2)]
    assert all('namespace="prod"' in text and "fraud-b-predictor" in text for text in world.asked)


async def test_one_metric_for_bad_and_total_is_told_apart_by_its_matchers() -> None:
    world = World()
    for arm, ok, bad in (("candidate", 8, 2), ("stable", 90, 0)):
        world.counter("http_requests_total", arm, ok, code="200")
        world.counter("http_requests_total", arm, bad, code="500")
    indicator = {"ratio": {"bad": 'http_requests_total{code="500"}', "total": "http_requests_total"}}
    found = await intervals(world, indicator)
    assert found[0] == Window(T0, SECOND, Counts(2, 10), Counts(0, 90))


async def test_no_bad_series_while_there_are_events_means_none_bad() -> None:
    world = World()
    world.counter("my_requests_total", "candidate", 10)
    found = await intervals(world, {"ratio": {"bad": "my_bad_total", "total": "my_requests_total"}})
    assert found[0] == Window(T0, SECOND, Counts(0, 10), None)


@pytest.mark.parametrize(("boundary", "unit"), [("0.5", "1s"), ("500", "1ms"), ("500.0", "1ms")])
async def test_a_histogram_of_ones_own(boundary: str, unit: str) -> None:
    world = World()
    for arm in PODS:
        world.counter("my_seconds_count", arm, 10)
        world.counter("my_seconds_bucket", arm, 7, le=boundary)
        world.counter("my_seconds_bucket", arm, 9, le="99")
    found = await intervals(world, {"histogram": {"selector": "my_seconds", "threshold": "500ms", "unit": unit}})
    assert found[0] == Window(T0, SECOND, Counts(3, 10), Counts(3, 10))


async def test_a_histogram_without_the_boundary_says_so() -> None:
    world = World()
    world.counter("my_seconds_count", "candidate", 10)
    world.counter("my_seconds_bucket", "candidate", 9, le="1")
    [first, _] = await intervals(world, {"histogram": {"selector": "my_seconds", "threshold": "500ms"}})
    assert "my_seconds_bucket has no bucket with le=0.5" in first.error


async def test_means_per_arm() -> None:
    world = World()
    for arm, mean, rate in (("candidate", 0.31, 10), ("stable", 0.30, 90)):
        world.counter("score_sum", arm, mean * rate)
        world.counter("score_count", arm, rate)
    found = await intervals(world, {"query": {"sum": "score_sum", "count": "score_count", "maxShift": "0.1"}})
    [first, _] = found
    assert isinstance(first, MeanWindow)
    assert first.candidate == Mean(first.candidate.value if first.candidate else 0.0, 10)
    assert first.candidate.value == pytest.approx(0.31)
    assert first.stable is not None
    assert first.stable.value == pytest.approx(0.30)
    assert first.stable.count == 90


async def test_targets_are_asked_about_themselves_where_that_costs_no_query() -> None:
    """The mean of a new pod's requests from the first on; the signs themselves are no sums."""
    world = World()
    labels = {"pod": PODS["candidate"], "namespace": "prod"}
    world.counters.append(Series({**labels, "__name__": "up"}, [998.0, 999.0, 1000.0, 1001.0], [1.0] * 4))
    for name, value in (("score_sum", 2.0), ("score_count", 8.0)):
        world.counters.append(Series({**labels, "__name__": name}, [1000.5], [value]))
    found = await intervals(world, {"query": {"sum": "score_sum", "count": "score_count", "maxShift": "0.1"}})
    assert found[0] == MeanWindow(T0, SECOND, Mean(0.25, 8), None)
    assert all('"process_start_time_seconds|score_' in text and "|up" in text for text in world.asked)
    await intervals(world, {"ratio": {"bad": 'a_total{x="1"}', "total": 'b_total{x="1"}'}})
    assert not any("up" in text for text in world.asked[-2:])


async def test_a_plain_gauge_tells_the_age_of_its_sample() -> None:
    world = World()
    world.raw = [Series({"__name__": "ml_drift"}, [500.0, 1000.5], [0.1, 0.18])]
    found = await intervals(world, {"gauge": {"query": 'ml_drift{v="$(version)"}', "max": "0.2", "maxAge": "30m"}})
    at = [datetime.fromtimestamp(t, UTC) for t in (1000.5, 1000.5)]
    assert found == [Evaluation(T0 + i * SECOND, SECOND, 0.18, at[i]) for i in range(2)]
    assert world.asked[0] == 'ml_drift{v="42"}[1800s]'


async def test_a_native_histogram_is_no_value() -> None:
    world = World()
    world.raw = [Series({"__name__": "ml_drift"}, [500.0], [7.0], [NativeHistogram(7.0, ())])]
    [first, _] = await intervals(world, {"gauge": {"query": "ml_drift", "max": "0.2"}})
    assert first.error == "ml_drift is a native histogram, which is no value"


async def test_an_expression_is_evaluated_at_the_end_of_each_window() -> None:
    world = World()
    world.answers = {"max(ml_drift)": [0.3], "sum(n)": [100.0], "sum(m)": [2000.0]}
    stability = {"candidateSize": "sum(n)", "referenceSize": "sum(m)"}
    found = await intervals(world, {"gauge": {"query": "max(ml_drift)", "max": "0.2", "stability": stability}})
    assert found[0] == Evaluation(T0, SECOND, 0.3, None, (100, 2000))
    assert world.asked[0] == "max(ml_drift) @ 1001"


@pytest.mark.parametrize(("values", "value"), [([], None), ([0.1, 0.2], None)])
async def test_no_value_and_several_values(values: list[float], value: float | None) -> None:
    world = World()
    world.answers = {"max(d)": values}
    [first, _] = await intervals(world, {"gauge": {"query": "max(d)", "max": "1"}})
    assert isinstance(first, Evaluation)
    assert first.value is value
    assert ("2 series" in first.error) == (len(values) == 2)


@pytest.mark.parametrize(
    ("indicator", "arms", "words"),
    [
        ({"availability": {}}, "EnvoyGateway", "Envoy Gateway counts all backends"),
        ({"availability": {}}, "Knative", "the arms of mode Knative"),
        ({"ratio": {"bad": "rate(x[5m])", "total": "y"}}, "Pod", "indicator.ratio: rate.x.5m.*expected a selector"),
        ({"ratio": {"bad": 'x{r="$(revision)"}', "total": "y"}}, "Pod", "is not known; there are: .*namespace"),
        ({"histogram": {"selector": "x{", "threshold": "1s"}}, "Pod", "indicator.histogram: x.: not PromQL"),
        ({"gauge": {"query": "rate(x[1d])", "max": "1"}}, "Pod", "longer than 1h"),
        ({"query": {"sum": "a", "count": "b + c", "maxShift": "1"}}, "Pod", "indicator.query: b . c"),
    ],
)
def test_what_cannot_be_read_is_told_before_anything_starts(indicator: dict[str, Any], arms: str, words: str) -> None:
    problem = unreadable(policy(indicator, arms=arms))
    assert problem is not None
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(problem)


def test_a_gauge_needs_no_arms() -> None:
    assert unreadable(policy({"gauge": {"query": "x", "max": "1"}}, arms="EnvoyGateway")) is None


async def test_a_policy_that_became_unreadable_is_an_error_and_no_crash() -> None:
    spec = policy({"availability": {}}, arms="Knative")
    with pytest.raises(QueryRejected):
        await read(World(), spec, spec.slos[0], NAMES, GRID)


async def test_istio_counts_by_workload_and_code() -> None:
    world = World()
    for service, codes in (
        ("fraud-b-predictor", {"200": 8, "503": 1, "0": 1}),
        ("fraud-a-predictor", {"200": 90, "404": 5}),
    ):
        for code, rate in codes.items():
            labels = {"destination_workload": service, "response_code": code, "reporter": "source"}
            world.counter("istio_requests_total", "stable", rate, destination_workload_namespace="prod", **labels)
            labels["reporter"] = "destination"
            world.counter("istio_requests_total", "stable", 50, destination_workload_namespace="prod", **labels)
    spec = policy({"availability": {}}, arms="Istio")
    found = await read(world, spec, spec.slos[0], NAMES, GRID)
    assert found[0] == Window(T0, SECOND, Counts(2, 10), Counts(0, 95))


async def test_a_mean_without_its_sum_is_no_data_and_no_zero() -> None:
    world = World()
    world.counter("score_sum", "stable", 0.7 * 90)
    for arm in PODS:
        world.counter("score_count", arm, 50)
    [first, _] = await intervals(world, {"query": {"sum": "score_sum", "count": "score_count", "maxShift": "0.1"}})
    assert isinstance(first, MeanWindow)
    assert first.candidate is None
    assert first.stable is not None


async def test_a_mean_does_not_count_the_history_of_a_pod_that_comes_back() -> None:
    world = World()
    for arm in PODS:
        world.counter("score_sum", arm, 5, instance="1")
        world.counter("score_count", arm, 10, instance="1")
    for name in ("score_sum", "score_count"):
        labels = {"__name__": name, "pod": PODS["candidate"], "namespace": "prod", "instance": "2"}
        world.counters.append(Series(labels, [1000.5, 1001.5], [5e6, 5e6]))
    [first, _] = await intervals(world, {"query": {"sum": "score_sum", "count": "score_count", "maxShift": "0.1"}})
    assert isinstance(first, MeanWindow)
    assert first.candidate == Mean(0.5, 10)


async def test_a_gauge_of_a_pod_that_was_replaced_leaves_no_second_value() -> None:
    world = World()
    world.raw = [
        Series({"__name__": "drift", "pod": "old"}, [100.0, 115.0], [0.1, 0.1]),
        Series({"__name__": "drift", "pod": "new"}, [985.0, 1000.0], [0.9, 0.9]),
    ]
    [first, _] = await intervals(world, {"gauge": {"query": "drift", "max": "0.2"}})
    assert isinstance(first, Evaluation)
    assert (first.value, first.error) == (0.9, "")
