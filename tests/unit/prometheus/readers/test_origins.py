"""Series that somebody else exports under the arms' names are never counted: left out by matchers, or an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from serin.api.promotion_policy import PromotionPolicySpec
from serin.evidence import Interval, MeanWindow, Window
from serin.prometheus.diagnose import newest_samples
from serin.prometheus.readers.arm_query import ArmPatterns
from serin.prometheus.readers.origins import LONGEST_NAME, SHOWN_NAMES, several_origins_error
from serin.prometheus.reading import read
from serin.prometheus.series import NativeHistogram, Series
from serin.schema.choices import Arms
from tests.fakes import ENVOY, FORGER
from tests.metrics_world import GRID, IDENTITY, PODS, T0, MetricsWorld

XX = "envoy_cluster_upstream_rq_xx"
CLUSTERS = {"candidate": "prod_fraud-b-predictor_80", "stable": "prod_fraud-a-predictor_80"}
REQUIRED = {Arms.CONTOUR: {"job": "envoy"}, Arms.POD: {"job": "models"}}
JOBS = "2 jobs (envoy, pods)"
BOTH = f"{JOBS} and 2 namespaces (evil, projectcontour)"

AVAILABILITY: dict[str, Any] = {"availability": {}}
LATENCY: dict[str, Any] = {"latency": {"threshold": "500ms"}}
RATIO: dict[str, Any] = {"ratio": {"bad": 'envoy_bad{zone="a"}', "total": "envoy_total"}}
HISTOGRAM: dict[str, Any] = {"histogram": {"selector": "envoy_seconds", "threshold": "250ms"}}
QUERY: dict[str, Any] = {"query": {"sum": "envoy_score_sum", "count": "envoy_score_count", "maxShift": "1"}}
# Per indicator: the counters of an arm with ``n`` requests a second, of which ``bad`` are bad.
COUNTERS: Mapping[str, Any] = {
    "availability": lambda n, bad: [
        (XX, n - bad, {"envoy_response_code_class": "2"}),
        (XX, bad, {"envoy_response_code_class": "5"}),
    ],
    "latency": lambda n, bad: [
        ("envoy_cluster_upstream_rq_time_count", n, {}),
        ("envoy_cluster_upstream_rq_time_bucket", n - bad, {"le": "500"}),
    ],
    "ratio": lambda n, bad: [("envoy_total", n, {}), ("envoy_bad", bad, {"zone": "a"})],
    "histogram": lambda n, bad: [("envoy_seconds_count", n, {}), ("envoy_seconds_bucket", n - bad, {"le": "0.25"})],
    "query": lambda n, bad: [("envoy_score_sum", bad, {}), ("envoy_score_count", n, {})],
}


def policy(indicator: dict[str, Any], arms: str = "Contour") -> PromotionPolicySpec:
    objective = {} if "query" in indicator else {"objective": "99.0"}
    slos = [{"name": "x", "indicator": indicator, **objective}]
    return PromotionPolicySpec.model_validate({"arms": arms, "slos": slos, "steps": [{"weight": 5, "for": "1m"}]})


class Exporters(MetricsWorld):
    """Scrape targets that export counters of both arms."""

    def exports(self, target: Mapping[str, str], kind: str, **arms: tuple[float, float]) -> Exporters:
        for arm, (rate, bad) in arms.items():
            for name, growth, labels in COUNTERS[kind](rate, bad):
                self._add(name, growth, {**labels, "envoy_cluster_name": CLUSTERS[arm], **target})
        return self

    def _add(self, name: str, rate: float, labels: Mapping[str, str]) -> None:
        times = [float(t) for t in range(900, 1011)]
        self.counters.append(Series({"__name__": name, **labels}, times, [rate * (t - 900) for t in times]))


async def found(world: MetricsWorld, indicator: dict[str, Any], arms: str = "Contour") -> Interval:
    spec = policy(indicator, arms)
    return (await read(world, spec, spec.slos[0], IDENTITY, GRID))[0]


def told(interval: Interval) -> Any:
    if isinstance(interval, Window):
        return [(arm.bad, arm.total) if arm else None for arm in (interval.candidate, interval.stable)]
    assert isinstance(interval, MeanWindow)
    return [(round(arm.value * arm.count), arm.count) if arm else None for arm in (interval.candidate, interval.stable)]


ATTACKS = {
    # Its own errors, 30 of 100, drowned in as many good requests as the weight lets look right.
    "hide one's own errors": (
        {"candidate": (100, 30), "stable": (900, 0)},
        {"candidate": (9000, 0), "stable": (81000, 0)},
    ),
    # A healthy candidate of another team.
    "roll back another team's": (
        {"candidate": (100, 0), "stable": (900, 0)},
        {"candidate": (50, 50)},
    ),
    "stable of another team looks broken": (
        {"candidate": (100, 0), "stable": (900, 0)},
        {"stable": (50, 50)},
    ),
}


EVERY_INDICATOR = pytest.mark.parametrize(
    "indicator", [AVAILABILITY, LATENCY, RATIO, HISTOGRAM, QUERY], ids=lambda one: next(iter(one))
)
EVERY_ATTACK = pytest.mark.parametrize(("true", "forged"), ATTACKS.values(), ids=list(ATTACKS))


@EVERY_INDICATOR
@EVERY_ATTACK
async def test_with_matchers_forged_series_are_never_counted(
    indicator: dict[str, Any], true: dict[str, Any], forged: dict[str, Any]
) -> None:
    kind = next(iter(indicator))
    world = Exporters().exports(ENVOY, kind, **true).exports(FORGER, kind, **forged)
    world.required = REQUIRED
    interval = await found(world, indicator)
    assert interval.error == ""
    assert told(interval) == [(bad, total) for total, bad in true.values()]
    assert all('job="envoy"' in query for query in world.asked), world.asked


@EVERY_INDICATOR
@EVERY_ATTACK
async def test_without_matchers_forged_series_are_an_error_that_names_both(
    indicator: dict[str, Any], true: dict[str, Any], forged: dict[str, Any]
) -> None:
    kind = next(iter(indicator))
    world = Exporters().exports(ENVOY, kind, **true).exports(FORGER, kind, **forged)
    interval = await found(world, indicator)
    assert (interval.measured, interval.tells_of_stable) == (False, False)
    assert interval.error.startswith(f"the arms' series come from {BOTH}: ")
    assert interval.error.endswith("in the operator's prometheus.arms")


async def test_preflight_asks_for_the_newest_samples_with_the_matchers() -> None:
    world = Exporters().exports(FORGER, "availability", candidate=(1, 0), stable=(1, 0))
    world.required = REQUIRED
    spec = policy(AVAILABILITY)
    assert await newest_samples(world, spec, spec.slos[0], IDENTITY, GRID.end) == (None, None)


async def test_a_value_is_a_policys_own_expression_and_has_no_matchers() -> None:
    world = Exporters()
    world.required = REQUIRED
    world.answers["max(drift)"] = [1.0]
    spec = PromotionPolicySpec.model_validate(
        {
            "slos": [{"name": "x", "indicator": {"gauge": {"query": "max(drift)", "max": "2"}}}],
            "steps": [{"weight": 5, "for": "1m"}],
        }
    )
    await read(world, spec, spec.slos[0], IDENTITY, GRID)
    assert not any("job" in query for query in world.asked)


LEGITIMATE = {
    "several proxies of one gateway": [{**ENVOY, "instance": f"10.0.0.{i}:8002", "pod": f"envoy-{i}"} for i in (1, 2)],
    "no job and no namespace": [{"instance": "10.0.0.1:8002"}],
    "a job in no namespace": [{"job": "envoy", "instance": "10.0.0.1:8002"}],
}


@pytest.mark.parametrize("targets", LEGITIMATE.values(), ids=list(LEGITIMATE))
async def test_what_a_gateway_may_look_like(targets: list[dict[str, str]]) -> None:
    world = Exporters()
    for target in targets:
        world.exports(target, "availability", candidate=(10, 1), stable=(90, 0))
    interval = await found(world, AVAILABILITY)
    assert (interval.error, told(interval)) == ("", [(len(targets), 10 * len(targets)), (0, 90 * len(targets))])


SUSPECT = {
    "another job": ({**ENVOY, "job": "pods"}, JOBS),
    "another namespace": ({**ENVOY, "namespace": "evil"}, "2 namespaces (evil, projectcontour)"),
    "no job": ({key: value for key, value in ENVOY.items() if key != "job"}, "2 jobs (none, envoy)"),
}


@pytest.mark.parametrize(("target", "words"), SUSPECT.values(), ids=list(SUSPECT))
@pytest.mark.parametrize("arm", ["candidate", "stable"])
async def test_each_arm_and_both_together_have_one_origin(target: dict[str, str], words: str, arm: str) -> None:
    """Also where one arm is somebody else's altogether: the gateway has not counted a request for it yet."""
    other = {"candidate": "stable", "stable": "candidate"}[arm]
    world = Exporters().exports(ENVOY, "availability", **{other: (90, 0)})
    world.exports(target, "availability", **{arm: (10, 0)})
    assert words in (await found(world, AVAILABILITY)).error


async def test_series_that_ended_before_the_window_are_of_no_matter() -> None:
    world = Exporters().exports(ENVOY, "availability", candidate=(10, 0), stable=(90, 0))
    before = len(world.counters)
    world.exports(FORGER, "availability", candidate=(10, 10))
    world.counters[before:] = [s.between(0, T0.timestamp()) for s in world.counters[before:]]
    interval = await found(world, AVAILABILITY)
    assert (interval.error, told(interval)) == ("", [(0, 10), (0, 90)])


async def test_a_pods_own_counters_may_be_exported_by_two_of_its_containers() -> None:
    """Each has a job of its own, and what targets tell of themselves comes from both."""
    world = MetricsWorld()
    for arm, rate in (("candidate", 10.0), ("stable", 90.0)):
        world.counter("my_bad", arm, 1, job="sidecar", instance=f"{arm}:9100")
        world.counter("my_total", arm, rate, job="server", instance=f"{arm}:8080")
        for job, port in (("sidecar", 9100), ("server", 8080)):
            world.counter("up", arm, 0, job=job, instance=f"{arm}:{port}")
    ratio = {"ratio": {"bad": "my_bad", "total": "my_total"}}
    interval = await found(world, ratio, arms="Pod")
    assert (interval.error, told(interval)) == ("", [(1, 10), (1, 90)])


async def test_a_pods_counters_under_two_jobs_are_copies_or_forged() -> None:
    world = MetricsWorld()
    for job in ("models", "annotated"):
        for arm in PODS:
            world.counter("my_bad", arm, 1, job=job)
            world.counter("my_total", arm, 10, job=job)
    ratio = {"ratio": {"bad": "my_bad", "total": "my_total"}}
    assert "2 jobs (annotated, models)" in (await found(world, ratio, arms="Pod")).error
    world.required = REQUIRED
    interval = await found(world, ratio, arms="Pod")
    assert (interval.error, told(interval)) == ("", [(1, 10), (1, 10)])


def test_native_histograms_have_an_origin_as_well() -> None:
    arms = ArmPatterns("envoy_cluster_name", CLUSTERS["candidate"], CLUSTERS["stable"])
    series = [
        Series({"__name__": "x", **target}, [1000.5], [1.0], [NativeHistogram(1, ((0, 1, 1),))])
        for target in (ENVOY, FORGER)
    ]
    assert BOTH in several_origins_error(arms, [series], 1000)


def test_names_that_others_choose_are_cut_and_printable() -> None:
    arms = ArmPatterns("envoy_cluster_name", "b", "a")
    names = ["\x1b[31m" + "x" * 500, *(f"job-{i}" for i in range(1000))]
    error = several_origins_error(arms, [[Series({"job": name}, [1000.5], [1.0]) for name in names]], 1000)
    assert "\x1b" not in error
    assert f"1001 jobs (?[31m{'x' * (LONGEST_NAME - 6)}…, job-0, " in error
    assert error.count("job-") == SHOWN_NAMES - 1
    assert len(error) < 400
