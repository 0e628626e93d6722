"""Native histograms: read from the API's JSON, and counted as the classic ones that they stand for."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serin.evidence import Window
from serin.prometheus.grid import Grid
from serin.prometheus.presets import Term
from serin.prometheus.readers.arm_query import ArmPatterns
from serin.prometheus.readers.counts import FoundGroup, windows
from serin.prometheus.readers.native import expand_native_histograms, off_boundary
from serin.prometheus.series import NativeHistogram, Series
from serin.prometheus.series_request import SeriesRequest, Shape, query

T0 = datetime.fromtimestamp(1000, tz=UTC)
SECOND = timedelta(seconds=1)
ARMS = ArmPatterns("pod", "b", "a")
TERMS = (
    Term("my_seconds_count", bad=1, total=1),
    Term("my_seconds_bucket", bad=-1, total=0, labels={"le": "0.5"}, required=True),
)
EXPONENTIAL = ((0.0625, 0.125), (0.25, 0.5), (0.5, 1.0), (1.0, 2.0))
CUSTOM = ((-math.inf, 0.1), (0.1, 0.5), (0.5, 3.0), (3.0, math.inf))


def histogram(
    *own: float, bounds: tuple[tuple[float, float], ...] = EXPONENTIAL, outside: float = 0
) -> NativeHistogram:
    buckets = tuple((lower, upper, n) for (lower, upper), n in zip(bounds, own, strict=False) if n)
    return NativeHistogram(sum(own) + outside, buckets)


def native(samples: dict[float, NativeHistogram], **labels: str) -> Series:
    own = {"__name__": "my_seconds", "pod": "b", **labels}
    found = list(samples.values())
    return Series(own, list(samples), [h.count for h in found], found)


def read(*series: Series, count: int = 1) -> list[tuple[object, ...]]:
    found: list[Window] = windows(ARMS, Grid(T0, SECOND, count), [FoundGroup(TERMS, series)])
    return [(w.error,) if w.error else (w.candidate.bad, w.candidate.total) if w.candidate else (None,) for w in found]


@pytest.mark.parametrize("bounds", [EXPONENTIAL, CUSTOM])
def test_requests_within_the_threshold_are_those_of_the_buckets_up_to_it(
    bounds: tuple[tuple[float, float], ...],
) -> None:
    series = native({999: histogram(5, 5, 5, 5, bounds=bounds), 1000.5: histogram(7, 8, 9, 5, bounds=bounds)})
    assert read(series) == [(4, 9)]


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        pytest.param({999: histogram(9, 9), 1000.5: histogram(3, 0, 1)}, (1, 4), id="a reset counts from 0"),
        pytest.param(
            {999: histogram(9, 0, 0), 1000.5: histogram(1, 0, 10)}, (10, 11), id="a reset that only a bucket shows"
        ),
        pytest.param({999: histogram(), 1000.5: histogram(3, 0, 1)}, (1, 4), id="from nothing"),
        pytest.param(
            {999: histogram(4), 1000.5: histogram(5, outside=2)}, (2, 3), id="observations of NaN are in no bucket"
        ),
        pytest.param({990: histogram(4), 991: histogram(5)}, (None,), id="no fresh sample"),
    ],
)
def test_what_happens_to_counters_happens_to_histograms(
    samples: dict[float, NativeHistogram], expected: object
) -> None:
    assert read(native(samples)) == [expected]


def test_a_new_pod_counts_from_its_first_request_if_its_target_was_scraped_before() -> None:
    other = Series({"__name__": "my_seconds_count", "pod": "b", "path": "/other"}, [999, 1000, 1001], [1, 1, 1])
    new = native({1000.5: histogram(2, 0, 1)})
    assert read(new, other) == [(1, 3)]
    assert read(new) == [(None,)]


def test_a_threshold_within_a_bucket_is_an_error_that_names_the_boundaries() -> None:
    [(words,)] = read(
        native({999: histogram(5), 1000.5: histogram(5, 0, 1, bounds=((0, 0.1), (0.1, 0.25), (0.25, 1)))})
    )
    assert words == (
        "my_seconds has no bucket boundary at 0.5, the nearest are 0.25 and 1: the threshold must be a bucket boundary"
    )
    beyond = native({999: histogram(5, 1, bounds=((0, 0.25), (0.25, math.inf)))})
    assert "the nearest are 0.25:" in off_boundary([beyond], TERMS)


def test_a_rounded_boundary_is_the_boundary() -> None:
    le = "0.7071067812"
    terms = (Term("my_seconds_bucket", -1, 0, {"le": le}),)
    series = native({1: histogram(3, 4, bounds=((0.5, 0.7071067811865475), (0.7071067811865475, 1.0)))})
    assert off_boundary([series], terms) == ""
    assert [s.values for s in expand_native_histograms([series], terms, 0)] == [[7.0], [3.0]]


def test_what_is_there_in_both_forms_counts_once() -> None:
    classic = [
        Series({"__name__": "my_seconds_count", "pod": "b"}, [999, 1000.5], [0, 10]),
        Series({"__name__": "my_seconds_bucket", "pod": "b", "le": "0.5"}, [999, 1000.5], [0, 8]),
    ]
    off = histogram(0, 0, 7, bounds=((0, 0.1), (0.1, 0.25), (0.25, 1)))
    assert read(native({999: histogram(), 1000.5: off}), *classic) == [(2, 10)]


def test_a_target_that_changes_its_form_brings_no_history_with_it() -> None:
    """Somebody turns native histograms on in mid-rollout: nothing is new but the form, and one window holds."""
    before, after = [998.5, 999.5, 1000.5], [1001.5, 1002.5, 1003.5]
    classic = [
        Series({"__name__": "my_seconds_count", "pod": "b"}, before, [10_000, 10_010, 10_020]),
        Series({"__name__": "my_seconds_bucket", "pod": "b", "le": "0.5"}, before, [9_500, 9_510, 9_520]),
    ]
    samples = {at: histogram(9_530 + 10 * i, 0, 500) for i, at in enumerate(after)}
    up = Series({"__name__": "up", "pod": "b"}, [*before, *after], [1] * 6)
    found = read(native(samples), *classic, up, count=4)
    assert found == [(0, 10), (0, 0), (0, 10), (0, 10)]


def test_two_pods_one_native_one_classic_both_count() -> None:
    classic = [
        Series({"__name__": "my_seconds_count", "pod": "b", "instance": "1"}, [999, 1000.5], [0, 10]),
        Series({"__name__": "my_seconds_bucket", "pod": "b", "instance": "1", "le": "0.5"}, [999, 1000.5], [0, 8]),
    ]
    assert read(native({999: histogram(), 1000.5: histogram(3, 0, 1)}, instance="2"), *classic) == [(3, 14)]


def test_one_query_asks_for_both_forms() -> None:
    request = SeriesRequest(
        Shape((), "pod"),
        frozenset({"my_seconds_count", "my_seconds_bucket"}),
        frozenset({"0.5"}),
        ("b", "a"),
        T0 - SECOND,
        T0,
    )
    text, _ = query([request])
    assert text == '{__name__=~"my_seconds|my_seconds_bucket|my_seconds_count",pod=~"a|b",le=~"|0\\\\.5"}[2s]'
    number = Series({"__name__": "my_seconds", "pod": "b"}, [1], [1])
    assert request.matches(native({1: histogram(1)}))
    assert not request.matches(number), "a number of that name is something else"


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.floats(0.1, 1.5), st.lists(st.integers(0, 9), min_size=4, max_size=4), st.booleans()), min_size=2
    )
)
def test_native_and_classic_say_the_same(steps: list[tuple[float, list[int], bool]]) -> None:
    """The same observations and resets in both forms give the same windows, wherever they are cut."""
    at, own = 995.0, [0, 0, 0, 0]
    samples: dict[float, NativeHistogram] = {}
    for gap, growth, restarted in steps:
        at += gap
        own = growth if restarted else [a + b for a, b in zip(own, growth, strict=True)]
        samples[at] = histogram(*own)
    series = native(samples)
    counts, bucket = expand_native_histograms([series], TERMS, 0)
    grid = Grid(T0 - 5 * SECOND, SECOND, 20)
    cut = [
        w
        for i in range(20)
        for w in windows(ARMS, Grid(grid.start + i * SECOND, SECOND, 1), [FoundGroup(TERMS, [series])])
    ]
    assert windows(ARMS, grid, [FoundGroup(TERMS, [series])]) == cut
    assert [w.candidate for w in cut] == [
        w.candidate for w in windows(ARMS, grid, [FoundGroup(TERMS, [counts, bucket])])
    ]
