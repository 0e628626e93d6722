"""Ratios, arms by a label of one's own, ladders and selectors that match nothing, read from a small Prometheus."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import promql_parser
import pytest

from serin.api.promotion_policy import PromotionPolicySpec
from serin.errors import QueryRejected
from serin.evidence import Counts, MeanWindow, Window
from serin.prometheus.presets import ARM_PATTERNS, preset
from serin.prometheus.readers.arm_query import ArmQuery
from serin.prometheus.readers.counter_groups import CounterGroup
from serin.prometheus.reading import read, unreadable
from serin.prometheus.series import NativeHistogram, Series
from serin.schema.choices import Arms
from tests.metrics_world import GRID, IDENTITY, PODS, MetricsWorld

WHO = replace(IDENTITY, stable_revision="a", stable_version="41")


def policy(indicator: dict[str, Any], arms: str = "Pod") -> PromotionPolicySpec:
    slo = {"name": "x", "indicator": indicator, **({} if "query" in indicator else {"objective": "99.0"})}
    return PromotionPolicySpec.model_validate({"arms": arms, "slos": [slo], "steps": [{"weight": 5, "for": "1m"}]})


async def counted(
    world: MetricsWorld, indicator: dict[str, Any], unseen: frozenset[str] | None = None, arms: str = "Pod"
) -> list[Window]:
    spec = policy(indicator, arms)
    assert unreadable(spec) is None
    found = await read(world, spec, spec.slos[0], WHO, GRID, unseen=unseen)
    return [window for window in found if isinstance(window, Window)]


def triton() -> MetricsWorld:
    """After a change all calls of the candidate fail; Triton has no counter of all."""
    world = MetricsWorld()
    world.counter("nv_inference_request_failure", "candidate", 10)
    world.counter("nv_inference_request_success", "candidate", 0)
    world.counter("nv_inference_request_failure", "stable", 0)
    world.counter("nv_inference_request_success", "stable", 90)
    return world


FAILURE, SUCCESS = "nv_inference_request_failure", "nv_inference_request_success"


@pytest.mark.parametrize(
    "ratio",
    [
        {"bad": FAILURE, "good": SUCCESS},
        {"bad": FAILURE, "total": [SUCCESS, FAILURE]},
        {"bad": FAILURE, "total": f"{SUCCESS} + {FAILURE}"},
        {"good": SUCCESS, "total": f"{SUCCESS} + {FAILURE}"},
    ],
)
async def test_counters_without_a_total(ratio: dict[str, Any]) -> None:
    windows = await counted(triton(), {"ratio": ratio})
    assert [(w.candidate, w.stable) for w in windows] == [(Counts(10, 10), Counts(0, 90))] * 2


# ------------------------------------------------------------------------------- arms by a label of one's own
@pytest.mark.parametrize(
    ("value", "candidate", "stable"),
    [
        ("Service", "fraud-b-predictor", "fraud-a-predictor"),
        ("Workload", "fraud-b", "fraud-a"),
        ("Revision", "b", "a"),
        ("Version", "42", "41"),
        ("Pod", PODS["candidate"], PODS["stable"]),
    ],
)
async def test_a_label_that_tells_the_arms_apart(value: str, candidate: str, stable: str) -> None:
    world = MetricsWorld()
    for arm, label in (("candidate", candidate), ("stable", stable)):
        for name, rate in (("bad_total", 1), ("all_total", 10)):
            world.counter(name, arm, rate, model=label)
            world.counter(name, arm, 77, model="another", instance="another")
    for arms in ("Pod", "Contour"):
        indicator = {"ratio": {"bad": "bad_total", "total": "all_total", "armLabel": {"name": "model", "value": value}}}
        windows = await counted(world, indicator, arms=arms)
        assert [(w.candidate, w.stable) for w in windows] == [(Counts(1, 10), Counts(1, 10))] * 2


def test_each_value_of_a_label_has_a_pattern_and_its_series_are_of_the_namespace() -> None:
    for kind in ARM_PATTERNS:
        for arms in Arms:
            wanted = policy({"ratio": {"bad": "b", "total": "t", "armLabel": {"name": "m", "value": kind.value}}})
            measured = wanted.slos[0].indicator.chosen.measurement(arms)
            query = ArmQuery.of(MetricsWorld(), measured, WHO, GRID)  # type: ignore[arg-type]
            assert any(matcher.endswith('="prod"') for matcher in query.matchers(CounterGroup(())))


@pytest.mark.parametrize("version", ["1.2", "a|b", ".*", '"} or up{a="', "(", "4{2}"])
async def test_a_version_is_a_value_and_no_pattern(version: str) -> None:
    world = MetricsWorld()
    indicator = {"ratio": {"bad": "b_total", "total": "t_total", "armLabel": {"name": "v", "value": "Version"}}}
    who, spec = replace(WHO, version=version), policy(indicator)
    world.counter("t_total", "candidate", 5, v=version)
    world.counter("b_total", "candidate", 1, v=version)
    world.counter("t_total", "stable", 50, v="41")
    [first, _] = await read(world, spec, spec.slos[0], who, GRID)
    assert isinstance(first, Window)
    assert (first.candidate, first.stable) == (Counts(1, 5), Counts(0, 50))
    for text in world.asked:
        _, vector = nodes(text)
        assert isinstance(vector, promql_parser.VectorSelector)
        assert {m.name for m in vector.matchers.matchers} == {"__name__", "v", "namespace"}


def nodes(text: str) -> list[promql_parser.Expr]:
    found: list[promql_parser.Expr] = []
    promql_parser.walk(promql_parser.parse(text), found.append)
    return found


async def test_arms_that_a_label_does_not_tell_apart_are_an_error_and_no_counts() -> None:
    indicator = {"ratio": {"bad": "b", "total": "t", "armLabel": {"name": "v", "value": "Version"}}}
    spec = policy(indicator)
    with pytest.raises(QueryRejected, match="both arms have the same version, 42"):
        await read(MetricsWorld(), spec, spec.slos[0], replace(WHO, stable_version="42"), GRID)


async def test_before_a_rollout_there_is_no_candidate() -> None:
    world = MetricsWorld()
    world.counter("t_total", "stable", 50, v="41")
    world.counter("t_total", "candidate", 70)  # it has no such label
    spec = policy({"ratio": {"bad": "t_total", "total": "t_total", "armLabel": {"name": "v", "value": "Version"}}})
    [first, _] = await read(world, spec, spec.slos[0], replace(WHO, revision="", version=""), GRID)
    assert isinstance(first, Window)
    assert (first.candidate, first.stable) == (None, Counts(50, 50))


async def test_a_mean_has_arms_of_its_own() -> None:
    world = MetricsWorld()
    for arm in PODS:
        world.counter("tokens_sum", arm, 300)
        world.counter("tokens_count", arm, 10)
    spec = policy({"query": {"sum": "tokens_sum", "count": "tokens_count", "maxShift": "50", "arms": "Pod"}}, "Contour")
    assert spec.arms_of(spec.slos[0]) is Arms.POD
    found = await read(world, spec, spec.slos[0], WHO, GRID)
    assert all(isinstance(w, MeanWindow) and w.candidate and w.candidate.value == 30 for w in found)


# ------------------------------------------------------------------------------- selectors that match nothing
MISSPELT = 'http_requests_total{status=~"5.."}'
RATIO = {"bad": MISSPELT, "total": "http_requests_total"}


class Matching(MetricsWorld):
    """Heeds regular expressions of the tests' labels, too."""

    async def series(self, request: Any) -> list[Series]:
        found = await super().series(request)
        if any(matcher.startswith("status=~") for matcher in request.shape.matchers):
            return [s for s in found if s.labels.get("status", "").startswith("5")]
        return found


def world_of(**labels: str) -> Matching:
    world = Matching()
    for arm in PODS:
        world.counter("http_requests_total", arm, 10, **labels)
    return world


async def test_a_selector_that_matches_nothing_in_either_arm_is_no_evidence() -> None:
    windows = await counted(world_of(code="500"), {"ratio": RATIO})
    assert [(w.candidate, w.stable, w.error, sorted(w.absent)) for w in windows] == [(None, None, "", [MISSPELT])] * 2
    assert windows[0].silence == (
        f"nothing has matched bad {MISSPELT} in either arm yet, which may be misspelt "
        "(mayBeAbsent: true says that there may be none)"
    )


async def test_once_seen_it_may_be_gone() -> None:
    windows = await counted(world_of(code="200"), {"ratio": RATIO}, unseen=frozenset())
    assert [(w.candidate, w.absent) for w in windows] == [(Counts(0, 10), frozenset())] * 2


async def test_a_policy_may_say_that_there_may_be_none() -> None:
    windows = await counted(world_of(code="200"), {"ratio": {**RATIO, "mayBeAbsent": True}})
    assert [w.candidate for w in windows] == [Counts(0, 10)] * 2


async def test_it_counts_from_the_window_on_in_which_it_is_seen() -> None:
    world = world_of(code="200")
    labels = {"__name__": "http_requests_total", "pod": PODS["stable"], "namespace": "prod", "status": "500"}
    world.counters.append(Series(labels, [1001.5, 1002.0], [1.0, 2.0]))
    windows = await counted(world, {"ratio": RATIO})
    assert [w.absent for w in windows] == [{MISSPELT}, frozenset()]
    assert windows[0].candidate is None
    assert windows[1].candidate == Counts(0, 10)
    alone = policy({"ratio": RATIO})
    [second] = await read(world, alone, alone.slos[0], WHO, replace(GRID, start=GRID.start + GRID.length, count=1))
    assert second == windows[1], "what a window counts does not depend on what was read with it"


async def test_good_that_matches_nothing_is_no_breach() -> None:
    windows = await counted(world_of(code="200"), {"ratio": {"good": MISSPELT, "total": "http_requests_total"}})
    assert [w.candidate for w in windows] == [None, None]


async def test_a_total_that_matches_nothing_is_told() -> None:
    windows = await counted(world_of(), {"ratio": {"bad": "http_requests_total", "total": "gone_total"}})
    assert all("nothing has matched total gone_total in either arm yet" in w.silence for w in windows if not w.measured)


# ------------------------------------------------------------------------------- ladders
def latencies(world: MetricsWorld, missing: str = "") -> MetricsWorld:
    for arm, factor in (("candidate", 1), ("stable", 9)):
        world.counter("request_predict_seconds_count", arm, 100 * factor)
        for le, within in (("0.1", 20), ("0.25", 60), ("0.5", 90), ("1.0", 99)):
            if le != missing:
                world.counter("request_predict_seconds_bucket", arm, within * factor, le=le)
    return world


LADDER = {"latency": {"threshold": "500ms", "ladder": ["100ms", "250ms", "1s"]}}


async def test_a_ladder_is_read_with_the_threshold_in_one_query() -> None:
    world = latencies(MetricsWorld())
    windows = await counted(world, LADDER)
    assert [w.candidate for w in windows] == [Counts(10, 100, (80, 40, 1))] * 2
    assert [w.stable for w in windows] == [Counts(90, 900, (720, 360, 9))] * 2
    assert len(world.asked) == 1


async def test_a_boundary_that_is_none_leaves_out_the_ladder_and_not_the_threshold() -> None:
    windows = await counted(latencies(MetricsWorld(), missing="0.25"), LADDER)
    assert [(w.candidate, w.error) for w in windows] == [(Counts(10, 100), "")] * 2


async def test_a_histogram_of_microseconds_by_the_name_of_its_buckets() -> None:
    world = MetricsWorld()
    for arm in PODS:
        world.counter("run_us_count", arm, 100)
        for le, within in (("250", 40), ("500", 80), ("1048576", 99)):
            world.counter("run_us_bucket", arm, within, le=le)
    indicator = {"selector": "run_us_bucket", "threshold": "500us", "unit": "1us", "ladder": ["250us"]}
    assert [w.candidate for w in await counted(world, {"histogram": indicator})] == [Counts(20, 100, (60,))] * 2
    seven = {"selector": "run_us", "threshold": "1s48576us", "unit": "1us"}
    assert [w.candidate for w in await counted(world, {"histogram": seven})] == [Counts(1, 100)] * 2


@pytest.mark.parametrize(
    ("indicator", "arms", "values"),
    [
        ({"latency": {"threshold": "30m"}}, "Contour", ["1800000", "1.8e+06", "1800000.0"]),
        ({"latency": {"threshold": "1h"}}, "Contour", ["3600000", "3.6e+06"]),
        ({"histogram": {"selector": "size_bytes", "threshold": "1048576s"}}, "Pod", ["1048576", "1.048576e+06"]),
        (
            {"histogram": {"selector": "us", "threshold": "1s48576us", "unit": "1us"}},
            "Pod",
            ["1048576", "1.048576e+06"],
        ),
        ({"histogram": {"selector": "s", "threshold": "250us"}}, "Pod", ["0.00025"]),
        ({"histogram": {"selector": "s", "threshold": "50us"}}, "Pod", ["5e-05", "0.00005"]),
        ({"latency": {"threshold": "500us"}}, "Contour", ["0.5"]),
    ],
)
async def test_boundaries_as_exporters_write_them(indicator: dict[str, Any], arms: str, values: list[str]) -> None:
    world = MetricsWorld()
    await counted(world, indicator, arms=arms)
    [pattern] = [m.value for node in nodes(world.asked[0]) for m in _matchers(node) if m.name == "le"]
    assert [value for value in values if re.fullmatch(pattern, value) is None] == []


def _matchers(node: promql_parser.Expr) -> list[promql_parser.Matcher]:
    return list(node.matchers.matchers) if isinstance(node, promql_parser.VectorSelector) else []


@pytest.mark.parametrize(("rungs", "expected"), [(["250ms", "1s"], (60, 10)), (["300ms", "1s"], ())])
async def test_a_ladder_of_a_native_histogram(rungs: list[str], expected: tuple[int, ...]) -> None:
    world = MetricsWorld()
    buckets = ((0.125, 0.25, 40.0), (0.25, 0.5, 30.0), (0.5, 1.0, 20.0), (1.0, 2.0, 10.0))
    for arm in PODS:
        times = [float(t) for t in range(900, 1011)]
        histograms = [
            NativeHistogram(100 * (t - 900), tuple((low, high, own * (t - 900)) for low, high, own in buckets))
            for t in times
        ]
        labels = {"__name__": "request_predict_seconds", "pod": PODS[arm], "namespace": "prod"}
        world.counters.append(Series(labels, times, [h.count for h in histograms], histograms))
    windows = await counted(world, {"latency": {"threshold": "500ms", "ladder": rungs}})
    assert [w.candidate for w in windows] == [Counts(30, 100, expected)] * 2


@pytest.mark.parametrize("arms", [arms for arms in Arms if preset(arms).counts_by_arms])
def test_every_preset_has_the_rungs_of_a_ladder(arms: Arms) -> None:
    second = timedelta(seconds=1)
    terms = preset(arms).at_threshold(second / 2, [second / 10, second])
    of_threshold = [term for term in terms if "le" in term.labels and term.rung is None]
    for rung in (0, 1):
        assert [t.metric for t in terms if t.rung == rung] == [t.metric for t in of_threshold]
