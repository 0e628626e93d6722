from __future__ import annotations

from e2e.load.answer import Answer
from e2e.load.live import Counts, LiveCounts


def test_recent_counts_only_the_last_full_seconds() -> None:
    live = LiveCounts()
    for second in range(100, 110):
        live.add(Answer(second, 0.5, 200, "1"))
        live.add(Answer(second, 0.5, 500, "2"))
    assert live.recent(3, now=109.9) == {"1": Counts(3, 0), "2": Counts(3, 3)}
    assert live.totals() == {"1": Counts(10, 0), "2": Counts(10, 10)}


def test_without_answers_there_is_nothing_to_show() -> None:
    assert LiveCounts().recent(5, now=100.0) == {}
    assert Counts().failed_percent == 0
