"""Increments of a counter from raw samples: exact, with resets and births."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serin.prometheus.series import Series, freshness


def line(name: str, values: dict[float, float], **labels: str) -> Series:
    return Series({"__name__": name, **labels}, list(values), list(values.values()))


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


@settings(max_examples=80)
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
    assert freshness([line("x", {i: i for i in range(20)})]) == 2.5
    assert freshness([]) == 2.0
