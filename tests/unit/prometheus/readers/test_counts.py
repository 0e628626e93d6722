"""From raw samples to counts: exact increments, resets, births, gaps, and what is no data."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serin.evidence import Counts, Window
from serin.prometheus.grid import Grid
from serin.prometheus.presets import Term, preset
from serin.prometheus.readers.arm_query import ArmPatterns
from serin.prometheus.readers.counts import FoundGroup, windows
from serin.prometheus.series import NativeHistogram, Series
from serin.schema.choices import Arms

ARMS = ArmPatterns("envoy_cluster_name", "prod_fraud-b-predictor_80", "prod_fraud-a-predictor_80")
T0 = datetime.fromtimestamp(1000, tz=UTC)
SECOND = timedelta(seconds=1)


AVAILABILITY = preset(Arms.CONTOUR).availability
LATENCY = preset(Arms.CONTOUR).at_threshold(timedelta(milliseconds=500))


def line(name: str, values: dict[float, float], **labels: str) -> Series:
    return Series({"__name__": name, **labels}, list(values), list(values.values()))


def steady(rate: float, start: float = 990, end: float = 1010, first: float = 0) -> dict[float, float]:
    return {start + i: first + rate * i for i in range(int(end - start) + 1)}


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
    return windows(arms, grid, [FoundGroup(terms, series)])


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
    found = counted(series, preset(Arms.POD).availability, Grid(T0, SECOND, 1), pods)[0]
    assert found.candidate is not None
    assert found.stable is not None
    assert (found.candidate.bad, found.candidate.total) == (2, 20)
    assert (found.stable.bad, found.stable.total) == (0, 100)


PODS = ArmPatterns("pod", "b", "a")
FIRST_REQUESTS = ("request_predict_seconds_count", {1000.5: 6.0, 1001.5: 16.0})
NEW = ("up", {1000.5: 1.0, 1001.5: 1.0})


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        pytest.param([], [None, (10, 10)], id="it may as well be the end of a gap"),
        pytest.param([("up", steady(0, first=1))], [(6, 6), (10, 10)], id="scraped before its first request"),
        pytest.param([("up", steady(0, first=0))], [None, (10, 10)], id="could not be reached before"),
        pytest.param([NEW, ("process_start_time_seconds", {1000.5: 1000.1})], [(6, 6), (10, 10)], id="younger"),
        pytest.param([NEW, ("process_start_time_seconds", {1000.5: 400.0})], [None, (10, 10)], id="older, back again"),
    ],
)
def test_a_new_pods_first_requests(signs: list[tuple[str, dict[float, float]]], expected: list[object]) -> None:
    """A labelled counter appears with the first request: only what the target says of itself shows that it is new."""
    series = [line(name, values, pod="b", instance="1") for name, values in (FIRST_REQUESTS, *signs)]
    found = counted(series, preset(Arms.POD).availability, Grid(T0, SECOND, 2), PODS)
    assert [(w.candidate.bad, w.candidate.total) if w.candidate else None for w in found] == expected


def test_what_a_target_says_of_itself_is_no_data() -> None:
    """A pod without a single request, or with the metric under another name."""
    series = [line("up", steady(0, first=1), pod="b"), line("request_predict_seconds_count", steady(5), pod="a")]
    [found] = counted(series, preset(Arms.POD).availability, Grid(T0, SECOND, 1), PODS)
    assert (found.candidate, found.stable is None) == (None, False)


OLD = ("revision_request_count", "revision_request_latencies", "500", {"response_code_class": "5xx"})
NEW_NAMES = (
    "kn_serving_invocation_duration_seconds_count",
    "kn_serving_invocation_duration_seconds",
    "0.5",
    {"http_response_status_code": "503"},
)


@pytest.mark.parametrize(("count", "histogram", "le", "bad"), [OLD, NEW_NAMES])
def test_knative_counts_in_both_spellings(count: str, histogram: str, le: str, bad: dict[str, str]) -> None:
    """The labels namespace and revision_name come from the scrape; the arms are Knative's revisions."""
    ok = {"response_code_class": "2xx", "http_response_status_code": "200"}
    arms = ArmPatterns("revision_name", "fraud-predictor-00002", "fraud-predictor-00001")
    series = [
        line(name, steady(rate), revision_name=revision, **labels)
        for revision, rps in (("fraud-predictor-00002", 10), ("fraud-predictor-00001", 90))
        for name, rate, labels in (
            (count, rps - 1, ok),
            (count, 1, bad),
            (f"{histogram}_bucket", rps - 2, {"le": le}),
            *([(f"{histogram}_count", rps, {})] if count != f"{histogram}_count" else []),
        )
    ]
    known = preset(Arms.KNATIVE)
    grid = Grid(T0, SECOND, 1)
    [found] = counted(series, known.availability, grid, arms)
    assert (found.candidate, found.stable) == (Counts(1, 10), Counts(1, 90))
    [found] = counted(series, known.at_threshold(timedelta(milliseconds=500)), grid, arms)
    assert (found.candidate, found.stable) == (Counts(2, 10), Counts(2, 90))


def test_a_target_that_returns_is_not_taken_for_newborn_because_another_is_well() -> None:
    """Two Envoys: one was out of scrape for long and comes back with its whole history."""
    well = envoy(10)
    back = [Series({**s.labels, "instance": "envoy-2"}, [1001.5, 1002.5], [5_000_000, 5_000_010]) for s in envoy(10)]
    well = [Series({**s.labels, "instance": "envoy-1"}, s.times, s.values) for s in well]
    assert [candidate for candidate, _ in read([*well, *back])] == [(0, 10), (0, 10), (0, 20)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param({}, {"service": "envoy"}, id="a label is added to the target"),
        pytest.param({"job": "a"}, {"job": "b"}, id="a label of the target changes"),
    ],
)
def test_series_that_go_on_under_other_labels_are_not_new(old: dict[str, str], new: dict[str, str]) -> None:
    """Somebody edits what is scraped: a whole history would count as this window's, bad requests of long ago too."""
    cluster = {"envoy_cluster_name": "prod_fraud-b-predictor_80", "envoy_response_code_class": "5"}
    name = "envoy_cluster_upstream_rq_xx"
    before = line(name, steady(1, 990, 1000, 5000), **cluster, **old)
    after = line(name, steady(1, 1001, 1010, 5011), **cluster, **new)
    other = line(name, steady(9), envoy_cluster_name=ARMS.stable, envoy_response_code_class="2", **new)
    [first, second, third] = counted([before, after, other], AVAILABILITY, Grid(T0, SECOND, 3), ARMS)
    assert first.candidate is None
    assert "goes on under other labels" in first.error
    assert [w.candidate for w in (second, third)] == [Counts(1, 1)] * 2


def test_a_clock_that_is_ahead_makes_nothing_new() -> None:
    """After five minutes without scrapes a target returns with its history, and says that it began in an hour."""
    pod = {"pod": "fraud-b-predictor-1"}
    name, arms = "request_predict_seconds_count", ArmPatterns("pod", "fraud-b-predictor-.*", "fraud-a-predictor-.*")
    back = line(name, {1000.5: 10_980, 1001.5: 10_990}, **pod)
    for started, expected in ((4600.0, None), (1000.2, Counts(10_980, 10_980))):
        sign = line("process_start_time_seconds", {1000.5: started, 1001.5: started}, **pod)
        [window] = counted([back, sign], preset(Arms.POD).availability, Grid(T0, SECOND, 1), arms)
        assert window.candidate == expected


def test_every_target_needs_the_bucket_not_only_one_of_them() -> None:
    """Two pods with other buckets: without the check, all requests of the second one would be slow."""
    arms = ArmPatterns("pod", "fraud-b-predictor-.*", "fraud-a-predictor-.*")
    series = [
        line("request_predict_seconds_count", steady(10), pod="fraud-b-predictor-1"),
        line("request_predict_seconds_bucket", steady(10), pod="fraud-b-predictor-1", le="0.5"),
        line("request_predict_seconds_count", steady(10), pod="fraud-b-predictor-2"),
        line("request_predict_seconds_bucket", steady(10), pod="fraud-b-predictor-2", le="0.7"),
    ]
    terms = preset(Arms.POD).at_threshold(timedelta(milliseconds=500))
    [window] = counted(series, terms, Grid(T0, SECOND, 1), arms)
    assert (window.candidate, "no bucket with le=0.5" in window.error) == (None, True)


def test_requests_that_all_time_out_are_slow_and_not_an_error() -> None:
    only_timeouts = [
        line("envoy_cluster_upstream_rq_timeout", steady(3), envoy_cluster_name="prod_fraud-b-predictor_80")
    ]
    assert read(only_timeouts, LATENCY)[0][0] == (3, 3)


@settings(max_examples=60)
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


finite = st.floats(-1e6, 1e12)
buckets = st.lists(
    st.tuples(st.floats(-10, 10), st.floats(0, 10), finite).map(lambda b: (b[0], b[0] + b[1], b[2])), max_size=3
)
labels = st.dictionaries(st.sampled_from(["pod", "instance", "le", "replica", "x"]), st.text(max_size=20), max_size=4)
metric_names = st.sampled_from(["m_count", "m_bucket", "m", "up", "process_start_time_seconds"])
OWN_HISTOGRAM = (
    Term("m_count", bad=1, total=1),
    Term("m_bucket", bad=-1, total=0, labels={"le": "1"}, required=True),
)


@st.composite
def any_series(draw: st.DrawFn) -> Series:
    times = sorted(draw(st.sets(st.integers(930, 1030), max_size=6)))
    own = {**draw(labels), "__name__": draw(metric_names)}
    if draw(st.booleans()):
        own["pod"] = draw(st.sampled_from(["fraud-b-predictor-x", "fraud-a-predictor-x"]))
    values = draw(st.lists(finite, min_size=len(times), max_size=len(times)))
    at = [float(t) for t in times]
    if own["__name__"] == "m":
        return Series(own, at, values, [NativeHistogram(value, tuple(draw(buckets))) for value in values])
    return Series(own, at, values)


@settings(max_examples=100)
@given(
    st.lists(any_series(), max_size=6),
    st.sampled_from([ArmPatterns("pod", "fraud-b-.*", "fraud-a-.*"), PODS]),
)
def test_whatever_series_come_back_they_are_counts_or_no_data(found: list[Series], arms: ArmPatterns) -> None:
    given_back = [s for s in found if s.times]
    for window in windows(arms, Grid(T0, 15 * SECOND, 2), [FoundGroup(OWN_HISTOGRAM, given_back)]):
        for counts in (window.candidate, window.stable):
            assert counts is None or 0 <= counts.bad <= counts.total < math.inf
        assert len(window.error) < 2000
