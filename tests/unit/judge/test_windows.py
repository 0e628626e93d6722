"""What is written into a record reads back as the same evidence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from serin.api.evidence import Counts, Window
from serin.judge.windows import NOT_READ, decode, encode

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
