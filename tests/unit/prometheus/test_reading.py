"""From a policy's SLO to intervals: which reader, and what is refused before anything starts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serin.api.promotion_policy import PromotionPolicySpec
from serin.errors import QueryRejected
from serin.evidence import Evaluation, MeanWindow, Window
from serin.prometheus.reading import read, read_number, uncounted_shadow, unreadable
from tests.metrics_world import GRID, IDENTITY, PODS, MetricsWorld

RATIO = {"ratio": {"bad": "a_count", "total": "b_count"}}
MEAN = {"query": {"sum": "b_sum", "count": "b_count", "maxShift": "0.1"}}
GAUGE = {"gauge": {"query": "max(d)", "max": "0.2"}}


def policy(indicator: dict[str, Any], *, arms: str = "Pod", **more: Any) -> PromotionPolicySpec:
    counts = not {"gauge", "query", "clientErrors"} & indicator.keys()
    slo = {"name": "x", "indicator": indicator, **({"objective": "99.0"} if counts else {})}
    steps = [{"weight": 5, "for": "1m"}]
    return PromotionPolicySpec.model_validate({"arms": arms, "slos": [slo], "steps": steps, **more})


@pytest.mark.parametrize(("indicator", "kind"), [(RATIO, Window), (MEAN, MeanWindow), (GAUGE, Evaluation)])
async def test_each_indicator_has_its_reader(indicator: dict[str, Any], kind: type) -> None:
    world, spec = MetricsWorld(), policy(indicator)
    world.answers = {"max(d)": [0.1]}
    for arm in PODS:
        for name in ("a_count", "b_count", "b_sum"):
            world.counter(name, arm, 10)
    assert unreadable(spec) is None
    found = await read(world, spec, spec.slos[0], IDENTITY, GRID)
    assert [type(interval) for interval in found] == [kind, kind]
    assert all(interval.accepted for interval in found)


@pytest.mark.parametrize(
    ("indicator", "arms", "own"),
    [
        ({"availability": {}}, "Contour", {False}),
        ({"latency": {"threshold": "500ms"}}, "Istio", {False}),
        ({"availability": {}}, "Pod", {True}),
        (RATIO, "Pod", {True}),
        ({"histogram": {"selector": "h", "threshold": "1s"}}, "Pod", {True}),
        (MEAN, "Pod", {True}),
    ],
)
async def test_a_policys_own_selectors_are_asked_for_as_its_own(
    indicator: dict[str, Any], arms: str, own: set[bool]
) -> None:
    """What they cost shuts off nobody else; nor does a model that exports a million series."""
    world, spec = MetricsWorld(), policy(indicator, arms=arms)
    await read(world, spec, spec.slos[0], IDENTITY, GRID)
    assert set(world.own) == own


@pytest.mark.parametrize(
    ("indicator", "arms", "words"),
    [
        ({"clientErrors": {}}, "Pod", "indicator.clientErrors: these arms do not tell which answers are 4xx: KServe's"),
        ({"ratio": {"bad": "rate(x[5m])", "total": "y"}}, "Pod", "indicator.ratio: rate.x.5m.*expected a selector"),
        ({"ratio": {"bad": 'x{r="$(revision)"}', "total": "y"}}, "Pod", "is not known; there are: .*namespace"),
        ({"histogram": {"selector": "x{", "threshold": "1s"}}, "Pod", "indicator.histogram: x.: not PromQL"),
        ({"gauge": {"query": "rate(x[1d])", "max": "1"}}, "Pod", "longer than 1h"),
        ({"ratio": {"bad": ["a + b + c", "d + e + f"], "total": list("ghijk")}}, "Pod", "11 selectors, more than 10"),
        ({"query": {"sum": "a", "count": "b + c", "maxShift": "1"}}, "Pod", "indicator.query: b . c"),
    ],
)
def test_what_cannot_be_read_is_told_before_anything_starts(indicator: dict[str, Any], arms: str, words: str) -> None:
    problem = unreadable(policy(indicator, arms=arms))
    assert problem is not None
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(problem)


def test_client_errors_may_be_counted_by_other_arms_than_the_policys() -> None:
    assert unreadable(policy({"clientErrors": {"arms": "Contour"}}, arms="Pod")) is None


SHADOW = {"shadow": {"for": "5m"}, "shadowSafe": True}


@pytest.mark.parametrize(
    ("indicator", "arms", "more", "counted"),
    [
        ({"availability": {}}, "EnvoyGateway", SHADOW, False),
        ({"availability": {}}, "EnvoyGateway", {}, True),
        ({"availability": {}}, "Contour", SHADOW, True),
        ({"clientErrors": {"arms": "EnvoyGateway"}}, "Pod", SHADOW, False),
        (RATIO, "Pod", SHADOW, True),
        (GAUGE, "EnvoyGateway", SHADOW, True),
    ],
)
def test_a_shadow_that_is_not_counted_is_told_before_anything_starts(
    indicator: dict[str, Any], arms: str, more: dict[str, Any], *, counted: bool
) -> None:
    spec = policy(indicator, arms=arms, **more)
    told = uncounted_shadow(spec, spec.slos[0])
    assert (told is None) is counted
    assert counted or "shadow: x: arms EnvoyGateway: Envoy Gateway counts what is mirrored" in (told or "")


async def test_a_policy_that_became_unreadable_is_an_error_and_no_crash() -> None:
    spec = policy({"ratio": {"bad": "rate(x[5m])", "total": "y"}})
    with pytest.raises(QueryRejected):
        await read(MetricsWorld(), spec, spec.slos[0], IDENTITY, GRID)


@pytest.mark.parametrize(
    ("max_age", "asked"), [(timedelta(minutes=5), "x[300s]"), (timedelta(days=3650), "x[172800s]")]
)
async def test_a_gates_number_is_looked_for_two_days_back_at_most(max_age: timedelta, asked: str) -> None:
    """A policy is not trusted with the time of everybody's Prometheus: each look would read ten years."""
    world = MetricsWorld()
    await read_number(world, "x", max_age, IDENTITY, GRID.end)
    assert world.asked == [asked]
