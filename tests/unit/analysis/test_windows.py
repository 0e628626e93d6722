"""What is written into a record reads back as the same evidence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from serin.analysis.windows import NOT_READ, decode, encode
from serin.evidence import Counts, Evaluation, Interval, Mean, MeanWindow, Window

T0 = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
LENGTH = timedelta(seconds=15)
numbers = st.integers(0, 10**15)
arms = st.none() | st.builds(Counts, numbers, numbers, st.lists(numbers, max_size=4).map(tuple))
cells = st.tuples(arms, arms) | st.tuples(st.just(NOT_READ), arms)


@given(st.lists(cells, max_size=20))
def test_what_is_written_reads_back(drawn: list[tuple[Counts | str | None, Counts | None]]) -> None:
    windows = [
        Window(T0 + i * LENGTH, LENGTH, None, stable, error=own)
        if isinstance(own, str)
        else Window(T0 + i * LENGTH, LENGTH, own, stable)
        for i, (own, stable) in enumerate(drawn)
    ]
    assert decode(encode(windows), start=T0, length=LENGTH) == windows


def test_what_could_not_be_read_is_not_silence() -> None:
    windows = [
        Window(T0, LENGTH, None),
        Window(T0, LENGTH, None, error="HTTP 503"),
        Window(T0, LENGTH, None, Counts(1, 9), error="no bucket"),
    ]
    assert encode(windows) == "- ! !,1/9"


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
        start = T0 + i * LENGTH
        if isinstance(one, str):
            looks.append(Evaluation(start, LENGTH, None, error=one))
        else:
            looks.append(Evaluation(start, LENGTH, *(one or (None, None, None))))
    assert decode(encode(looks), start=T0, length=LENGTH, kind=Evaluation) == looks


@given(st.lists(st.tuples(means, means), max_size=20))
def test_means_read_back(drawn: list[tuple[Mean | None, Mean | None]]) -> None:
    windows = [MeanWindow(T0 + i * LENGTH, LENGTH, *pair) for i, pair in enumerate(drawn)]
    assert decode(encode(windows), start=T0, length=LENGTH, kind=MeanWindow) == windows


def test_how_they_look() -> None:
    sampled = datetime.fromtimestamp(1000.5, UTC)
    looks = [
        Evaluation(T0, LENGTH, 0.18, sampled, (100, 2000)),
        Evaluation(T0, LENGTH, 0.2),
        Evaluation(T0, LENGTH, None),
    ]
    assert encode(looks) == "0.18@1000.5/100/2000 0.2 -"
    assert encode([MeanWindow(T0, LENGTH, Mean(0.31, 150), Mean(0.3, 2850)), MeanWindow(T0, LENGTH, None)]) == (
        "0.31:150,0.3:2850 -"
    )
