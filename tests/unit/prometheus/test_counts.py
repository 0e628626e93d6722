"""From raw samples to counts: exact increments, resets, births, gaps, and what is no data."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serin.api.evidence import Window
from serin.api.indicator import Arms
from serin.prometheus.counts import ArmPatterns, Counted, Grid, windows
from serin.prometheus.presets import Preset, Term, preset
from serin.prometheus.series import Series, freshness

ARMS = ArmPatterns("envoy_cluster_name", "prod_fraud-b-predictor_80", "prod_fraud-a-predictor_80")
T0 = datetime.fromtimestamp(1000, tz=UTC)
SECOND = timedelta(seconds=1)


def known(arms: Arms) -> Preset:
    found = preset(arms)
    assert found is not None
    return found


AVAILABILITY = known(Arms.CONTOUR).availability
LATENCY = known(Arms.CONTOUR).at_threshold(timedelta(milliseconds=500))


def line(name: str, values: dict[float, float], **labels: str) -> Series:
    return Series({"__name__": name, **labels}, list(values), list(values.values()))


def steady(rate: float, start: float = 990, end: float = 1010, first: float = 0) -> dict[float, float]:
    return {start + i: first + rate * i for i in range(int(end - start) + 1)}


@pytest.mark.parametrize(
    ("values", "increment"),
    [
        pytest.param({999: 5, 1000: 7, 1001: 9}, 2, id="the sample on the edge belongs to the window it ends"),
        pytest.param({999.5: 7, 1000.5: 9}, 2, id="the newest sample at each edge"),
        pytest.param({999: 7, 1000.2: 3}, 3, id="a reset counts from 0"),
        pytest.param({999: 7, 1000.2: 8, 1000.6: 1, 1000.9: 2}, 3, id="a reset between samples"),
        pytest.param({1000.5: 4}, 4, id="born inside the window: counts from 0"),
        pytest.param({999: 7}, 0, id="no new sample"),
        pytest.param({}, 0, id="no sample at all"),
        pytest.param({1002: 5}, 0, id="only later samples"),
    ],
)
def test_increment(values: dict[float, float], increment: float) -> None:
    assert line("x", values).increment(1000, 1001) == increment


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.2, 3), st.integers(0, 50)), min_size=2, max_size=40),
    st.integers(1, 5),
)
def test_windows_tile(steps: list[tuple[float, int]], length: int) -> None:
    """The increments of back-to-back windows add up to the increment of the whole: nothing twice, nothing lost."""
    values: dict[float, float] = {}
    at, value = 0.0, 0.0
    for gap, growth in steps:
        at, value = at + gap, value + growth
        values[at] = value
    series = line("x", values)
    end = (math.ceil(at) // length + 1) * length
    parts = sum(series.increment(t, t + length) for t in range(0, end, length))
    assert parts == series.increment(0, end)


def test_freshness_follows_the_scrape_interval() -> None:
    assert freshness([line("x", {0: 1, 15: 2, 30: 3})]) == 37.5
    assert freshness([line("x", steady(1))]) == 2.5
    assert freshness([]) == 2.0


def envoy(rate: float, errors: dict[float, float] | None = None, service: str = "fraud-b-predictor") -> list[Series]:
    cluster = f"prod_{service}_80"
    found = [
        line("envoy_cluster_upstream_rq_xx", steady(rate), envoy_cluster_name=cluster, envoy_response_code_class="2")
    ]
    if errors:
        found.append(
            line("envoy_cluster_upstream_rq_xx", errors, envoy_cluster_name=cluster, envoy_response_code_class="5")
        )
    return found


def counted(series: list[Series], terms: tuple[Term, ...], grid: Grid, arms: ArmPatterns = ARMS) -> list[Window]:
    return windows(arms, grid, [Counted(terms, series)])


def read(series: list[Series], terms: tuple[Term, ...] = AVAILABILITY, count: int = 3) -> list[tuple[object, object]]:
    found = counted(series, terms, Grid(T0, SECOND, count))
    return [
        (
            (w.candidate.bad, w.candidate.total) if w.candidate else w.error or None,
            (w.stable.bad, w.stable.total) if w.stable else None,
        )
        for w in found
    ]


def test_both_arms_of_contour() -> None:
    stable = envoy(90, service="fraud-a-predictor")
    assert read(envoy(10, steady(1)) + stable) == [((1, 11), (0, 90))] * 3


def test_a_first_error_counts_although_its_series_is_new() -> None:
    stable = envoy(90, service="fraud-a-predictor")
    assert read(envoy(10, {1001.5: 3, 1002.5: 3}) + stable)[1] == ((3, 13), (0, 90))


def test_a_new_candidate_counts_from_its_first_request() -> None:
    cluster = {"envoy_cluster_name": "prod_fraud-b-predictor_80", "envoy_response_code_class": "2"}
    new = line("envoy_cluster_upstream_rq_xx", {1001.5: 6, 1002.5: 16}, **cluster)
    assert read([new, *envoy(90, service="fraud-a-predictor")]) == [
        (None, (0, 90)),
        ((0, 6), (0, 90)),
        ((0, 10), (0, 90)),
    ]


def test_after_a_gap_a_counter_is_not_taken_for_newborn() -> None:
    """Prometheus was away until 1001.5: the big first values are history, not the window's requests."""
    back = [Series(s.labels, [1001.5, 1002.5], [5000, 5010]) for s in envoy(10)]
    assert [candidate for candidate, _ in read(back)] == [None, None, (0, 10)]


@pytest.mark.parametrize(
    "series",
    [
        pytest.param([], id="no series"),
        pytest.param([line("envoy_cluster_upstream_rq_xx", {990: 1}, envoy_cluster_name="prod_x_80")], id="stale"),
        pytest.param(envoy(90, service="fraud-a-predictor"), id="only the other arm"),
    ],
)
def test_no_data_is_not_zero(series: list[Series]) -> None:
    assert {candidate for candidate, _ in read(series)} == {None}


def test_no_bad_series_while_there_are_requests_means_none_bad() -> None:
    assert read(envoy(10))[0][0] == (0, 10)


def histogram(boundary: str, within: float, total: float, timeouts: float = 0) -> list[Series]:
    cluster = {"envoy_cluster_name": "prod_fraud-b-predictor_80"}
    return [
        line("envoy_cluster_upstream_rq_time_count", steady(total), **cluster),
        line("envoy_cluster_upstream_rq_time_bucket", steady(within), le=boundary, **cluster),
        line("envoy_cluster_upstream_rq_timeout", steady(timeouts), **cluster),
    ]


@pytest.mark.parametrize("boundary", ["500", "500.0"])
def test_latency_counts_what_is_over_the_threshold_and_timeouts(boundary: str) -> None:
    assert read(histogram(boundary, within=8, total=10, timeouts=1), LATENCY)[0][0] == (3, 11)


def test_a_threshold_that_is_no_boundary_is_told_and_is_not_all_bad() -> None:
    answer = read(histogram("250", within=8, total=10), LATENCY)[0][0]
    assert "no bucket with le=500" in str(answer)


def test_pods_are_told_apart_by_name() -> None:
    def pod(name: str, predicted: float, answered: float) -> list[Series]:
        labels = {"namespace": "prod", "pod": name}
        return [
            line("request_predict_seconds_count", steady(predicted), **labels),
            line("request_postprocess_seconds_count", steady(answered), **labels),
        ]

    series = [
        *pod("fraud-b-predictor-6c5f-x1", 10, 8),
        *pod("fraud-b-predictor-6c5f-x2", 10, 10),
        *pod("fraud-a-predictor-77aa-y1", 100, 100),
        *pod("fraud-b-2-predictor-77aa-y1", 100, 0),
    ]
    pods = ArmPatterns("pod", "fraud-b-predictor-[a-z0-9]+-[a-z0-9]+", "fraud-a-predictor-[a-z0-9]+-[a-z0-9]+")
    found = counted(series, known(Arms.POD).availability, Grid(T0, SECOND, 1), pods)[0]
    assert found.candidate is not None
    assert found.stable is not None
    assert (found.candidate.bad, found.candidate.total) == (2, 20)
    assert (found.stable.bad, found.stable.total) == (0, 100)


@pytest.mark.parametrize("arms", [Arms.CONTOUR, Arms.ISTIO, Arms.POD])
def test_every_preset_fills_in_the_threshold(arms: Arms) -> None:
    found = known(arms)
    terms = found.at_threshold(timedelta(milliseconds=500))
    [boundary] = [t.labels["le"] for t in terms if "le" in t.labels]
    assert float(boundary) * found.latency_unit == timedelta(milliseconds=500)
    assert found.meaning
    assert sum(term.total for term in found.availability) == 1, "each request is counted once"


@pytest.mark.parametrize("arms", [Arms.ENVOY_GATEWAY, Arms.KNATIVE])
def test_arms_that_cannot_be_told_apart_have_no_preset(arms: Arms) -> None:
    assert preset(arms) is None


def test_a_target_that_returns_is_not_taken_for_newborn_because_another_is_well() -> None:
    """Two Envoys: one was out of scrape for long and comes back with its whole history."""
    well = envoy(10)
    back = [Series({**s.labels, "instance": "envoy-2"}, [1001.5, 1002.5], [5_000_000, 5_000_010]) for s in envoy(10)]
    well = [Series({**s.labels, "instance": "envoy-1"}, s.times, s.values) for s in well]
    assert [candidate for candidate, _ in read([*well, *back])] == [(0, 10), (0, 10), (0, 20)]


def test_requests_that_all_time_out_are_slow_and_not_an_error() -> None:
    only_timeouts = [
        line("envoy_cluster_upstream_rq_timeout", steady(3), envoy_cluster_name="prod_fraud-b-predictor_80")
    ]
    assert read(only_timeouts, LATENCY)[0][0] == (3, 3)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 120)), max_size=3),
    st.integers(1, 19),
)
def test_a_window_counts_the_same_whatever_it_is_read_with(gaps: list[tuple[int, int]], split: int) -> None:
    """Live one by one, after a restart in a batch: the same windows, also around scrapes that failed."""
    grid = Grid(T0, 15 * SECOND, 20)
    series = [
        line(
            "envoy_cluster_upstream_rq_xx",
            {
                float(t): float(10 * (t - 900))
                for t in range(900, 1302, 2)
                if not any(instance == "a" and 900 + at <= t < 900 + at + length for at, length in gaps)
            },
            envoy_cluster_name=f"prod_{arm}-predictor_80",
            envoy_response_code_class=code,
            instance=instance,
        )
        for arm in ("fraud-a", "fraud-b")
        for code in ("2", "5")
        for instance in ("a", "b")
    ]
    whole = counted(series, AVAILABILITY, grid)
    parts = []
    for part in (Grid(T0, grid.length, split), Grid(T0 + split * grid.length, grid.length, 20 - split)):
        reach = part.start.timestamp() - 60, part.end.timestamp()
        parts += counted([s.between(*reach) for s in series], AVAILABILITY, part)
    assert parts == whole
    assert any(w.candidate is not None for w in whole)


@pytest.mark.parametrize("label", ["prometheus_replica", "replica"])
def test_copies_of_a_series_are_told_and_not_counted_twice(label: str) -> None:
    both = envoy(10) + envoy(90, service="fraud-a-predictor")
    copies = [Series({**s.labels, label: name}, s.times, s.values) for s in both for name in ("a", "b")]
    [first, *_] = read(copies)
    assert first == (
        (
            f"envoy_cluster_upstream_rq_xx is there twice, told apart by {label}: ask one Prometheus, or one that "
            "deduplicates"
        ),
        None,
    )
    pods = [Series({**s.labels, label: name, "pod": name}, s.times, s.values) for s in both for name in ("a", "b")]
    assert read(pods)[0] == ((0, 20), (0, 180)), "two gateways' counts belong together"
