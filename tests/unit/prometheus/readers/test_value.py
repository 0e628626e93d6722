"""Values at the end of each window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from serin.errors import QueryRejected
from serin.evidence import Evaluation
from serin.indicators.measurements import Value
from serin.prometheus.readers import value
from serin.prometheus.series import NativeHistogram, Series
from tests.metrics_world import GRID, IDENTITY, SECOND, T0, MetricsWorld

HALF_AN_HOUR = timedelta(minutes=30)


async def evaluations(world: MetricsWorld, query: str, *sizes: str) -> list[Evaluation]:
    return await value.read(world, Value(query, HALF_AN_HOUR, sizes), IDENTITY, GRID)


async def test_a_plain_selector_tells_the_age_of_its_sample() -> None:
    world = MetricsWorld()
    world.raw = [Series({"__name__": "ml_drift"}, [500.0, 1000.5], [0.1, 0.18])]
    sampled_at = datetime.fromtimestamp(1000.5, UTC)
    found = await evaluations(world, 'ml_drift{v="$(version)"}')
    assert found == [Evaluation(T0 + i * SECOND, SECOND, 0.18, sampled_at) for i in range(2)]
    assert world.asked[0] == 'ml_drift{v="42"}[1800s]'


async def test_a_native_histogram_is_no_value() -> None:
    world = MetricsWorld()
    world.raw = [Series({"__name__": "ml_drift"}, [500.0], [7.0], [NativeHistogram(7.0, ())])]
    [first, _] = await evaluations(world, "ml_drift")
    assert first.error == "ml_drift is a native histogram, which is no value"


async def test_an_expression_is_evaluated_at_the_end_of_each_window() -> None:
    world = MetricsWorld()
    world.answers = {"max(ml_drift)": [0.3], "sum(n)": [100.0], "sum(m)": [2000.0]}
    [first, _] = await evaluations(world, "max(ml_drift)", "sum(n)", "sum(m)")
    assert first == Evaluation(T0, SECOND, 0.3, None, (100, 2000))
    assert world.asked[0] == "max(ml_drift) @ 1001"


@pytest.mark.parametrize("sizes", [("sum(n)",), ("sum(n)", "nothing"), ("sum(n)", "zero"), ("two", "sum(n)")])
async def test_sizes_that_are_not_known(sizes: tuple[str, ...]) -> None:
    world = MetricsWorld()
    world.answers = {"max(d)": [0.3], "sum(n)": [100.0], "nothing": [], "zero": [0.0], "two": [1.0, 2.0]}
    [first, _] = await evaluations(world, "max(d)", *sizes)
    assert first == Evaluation(T0, SECOND, 0.3, None, None)


@pytest.mark.parametrize("values", [[], [0.1, 0.2]])
async def test_no_value_and_several_values(values: list[float]) -> None:
    world = MetricsWorld()
    world.answers = {"max(d)": values}
    [first, _] = await evaluations(world, "max(d)")
    assert first.value is None
    assert ("2 series" in first.error) == (len(values) == 2)


async def test_a_pod_that_was_replaced_leaves_no_second_value() -> None:
    world = MetricsWorld()
    world.raw = [
        Series({"__name__": "drift", "pod": "old"}, [100.0, 115.0], [0.1, 0.1]),
        Series({"__name__": "drift", "pod": "new"}, [985.0, 1000.0], [0.9, 0.9]),
    ]
    [first, _] = await evaluations(world, "drift")
    assert (first.value, first.error) == (0.9, "")


AS_BEFORE = [
    'max({job="drift",version="$(version)"})',
    'max({__name__=~"ml_drift|drift"})',
    'max(drift{"model.name"="fraud"})',
    "max(info(drift))",
]
"""What an earlier Serin took in a policy, and a new rollout may not ask any more."""


@pytest.mark.parametrize("query", AS_BEFORE)
async def test_the_snapshot_of_a_rollout_that_an_earlier_serin_started_is_read_as_it_is(query: str) -> None:
    """DESIGN, rule 12: an upgrade in the middle of a rollout neither holds it nor takes it back."""
    world, sent = MetricsWorld(), query.replace("$(version)", "42")
    world.answers = {sent: [0.3], f"count({sent})": [7.0]}
    found = await evaluations(world, query, f"count({query})", f"count({query})")
    assert found == [Evaluation(T0 + i * SECOND, SECOND, 0.3, None, (7, 7)) for i in range(2)]
    with pytest.raises(QueryRejected):
        value.check(Value(query, HALF_AN_HOUR))


@pytest.mark.parametrize(
    "query", ["rate({a='b'}[1d])", "{a='b'} offset 2h", "max({a='b'} @ 0)", "{a='b'} # x", "max({a='b'}[1h:1ms])"]
)
async def test_a_snapshot_stays_within_its_time(query: str) -> None:
    world = MetricsWorld()
    with pytest.raises(QueryRejected):
        await evaluations(world, query)
    assert world.asked == []


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Value("rate(x[1d])", HALF_AN_HOUR), "longer than 1h"),
        (Value("x", timedelta(hours=49)), "maxAge is at most 48h"),
        (Value("x", HALF_AN_HOUR, ("y{",)), "not PromQL"),
    ],
)
def test_what_cannot_be_asked_is_refused(wanted: Value, words: str) -> None:
    with pytest.raises(QueryRejected, match=words):
        value.check(wanted)
