"""What is written into a record reads back as the same evidence."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serin.evidence import Counts, Evaluation, Interval, Mean, MeanWindow, Window
from serin.indicators.availability import Availability
from serin.indicators.gauge import Gauge
from serin.indicators.kind import IndicatorKind
from serin.indicators.query import MeanQuery
from serin.indicators.stored import NOT_READ
from tests.clock import START

LENGTH = timedelta(seconds=15)
COUNTS, GAUGE = Availability(), Gauge(query="drift", max=Decimal(1))
MEANS = MeanQuery(sum="s", count="c", max_shift=Decimal(1))
numbers = st.integers(0, 10**15)
ladders = st.lists(numbers, max_size=4).map(tuple)
arms = st.none() | st.builds(Counts, numbers, numbers, ladders, client_errors=st.just(0) | numbers)
cells = st.tuples(arms, arms) | st.tuples(st.just(NOT_READ), arms)


@given(st.lists(cells, max_size=20))
def test_what_is_written_reads_back(drawn: list[tuple[Counts | str | None, Counts | None]]) -> None:
    windows = [
        Window(START + i * LENGTH, LENGTH, None, stable, error=own)
        if isinstance(own, str)
        else Window(START + i * LENGTH, LENGTH, own, stable)
        for i, (own, stable) in enumerate(drawn)
    ]
    assert COUNTS.decode(COUNTS.encode(windows), START, LENGTH) == windows


def test_answers_with_a_4xx_stand_beside_the_counts_where_there_are_any() -> None:
    windows = [Window(START, LENGTH, Counts(1, 9, client_errors=4), Counts(0, 90))]
    assert COUNTS.encode(windows) == "1/9~4,0/90"
    assert COUNTS.decode("1/9,0/90", START, LENGTH) == [Window(START, LENGTH, Counts(1, 9), Counts(0, 90))]


def test_what_could_not_be_read_is_not_silence() -> None:
    windows = [
        Window(START, LENGTH, None),
        Window(START, LENGTH, None, error="HTTP 503"),
        Window(START, LENGTH, None, Counts(1, 9), error="no bucket"),
    ]
    assert COUNTS.encode(windows) == "- ! !,1/9"


finite = st.floats(allow_nan=False, allow_infinity=False)
moments = st.none() | st.integers(0, 2 * 10**15).map(lambda us: datetime.fromtimestamp(us / 10**6, UTC))
sizes = st.none() | st.tuples(numbers, numbers)
means = st.none() | st.builds(Mean, finite, numbers)


@given(st.lists(st.tuples(finite, moments, sizes) | st.none() | st.just(NOT_READ), max_size=20))
def test_a_gauges_values_read_back(
    drawn: list[tuple[float, datetime | None, tuple[int, int] | None] | str | None],
) -> None:
    looks: list[Interval] = []
    for i, one in enumerate(drawn):
        start = START + i * LENGTH
        if isinstance(one, str):
            looks.append(Evaluation(start, LENGTH, None, error=one))
        else:
            looks.append(Evaluation(start, LENGTH, *(one or (None, None, None))))
    assert GAUGE.decode(GAUGE.encode(looks), START, LENGTH) == looks


@given(st.lists(st.tuples(means, means), max_size=20))
def test_means_read_back(drawn: list[tuple[Mean | None, Mean | None]]) -> None:
    windows = [MeanWindow(START + i * LENGTH, LENGTH, *pair) for i, pair in enumerate(drawn)]
    assert MEANS.decode(MEANS.encode(windows), START, LENGTH) == windows


def test_how_they_look() -> None:
    sampled = datetime.fromtimestamp(1000.5, UTC)
    looks = [
        Evaluation(START, LENGTH, 0.18, sampled, (100, 2000)),
        Evaluation(START, LENGTH, 0.2),
        Evaluation(START, LENGTH, None),
    ]
    assert GAUGE.encode(looks) == "0.18@1000.5/100/2000 0.2 -"
    assert MEANS.encode(
        [MeanWindow(START, LENGTH, Mean(0.31, 150), Mean(0.3, 2850)), MeanWindow(START, LENGTH, None)]
    ) == ("0.31:150,0.3:2850 -")


@pytest.mark.parametrize("stranger", ["0.2", "0.31:150", "3/100", "x", "1,2", "1/2/3,4/5"])
@pytest.mark.parametrize("own", [COUNTS, GAUGE, MEANS], ids=["counts", "gauge", "means"])
def test_what_another_kind_wrote_is_refused_or_read(own: IndicatorKind, stranger: str) -> None:
    """A policy may have been edited after its record was lost: nothing but ValueError may come of it."""
    with suppress(ValueError):
        assert own.decode(stranger, START, LENGTH)


def test_an_interval_of_another_kind_is_not_written() -> None:
    with pytest.raises(TypeError, match="expected Window, got Evaluation"):
        COUNTS.encode([Evaluation(START, LENGTH, 0.2)])
