"""Windows of days become few points: nothing is lost of the counts, and no peak of the evidence."""

from __future__ import annotations

from datetime import timedelta

import pytest

from serin.evidence import Counts, SloReport
from serin.report.facts.judged import MOST_KEPT, Point, Track, curve, number
from serin.schema.choices import Severity
from serin.schema.reasons import Reason, Verdict
from tests.clock import START

SECOND = timedelta(seconds=1)
REPORT = SloReport(
    name="availability",
    severity=Severity.CRITICAL,
    verdict=Verdict.INSUFFICIENT,
    reason=Reason.COLLECTING_EVIDENCE,
    candidate=Counts(0, 0),
    stable=Counts(0, 0),
    evidence={"e1": 0.0},
    threshold=2.2,
    pass_threshold=1.3,
    breached_at=None,
    passed_at=None,
    step_time=timedelta(),
    newest=None,
    known_until=None,
    message="",
)


def track(count: int, peak: int) -> Track:
    made = Track(START)
    for index in range(count):
        counts = Counts(index % 3, 10) if index % 7 else None
        evidence = {"e1": 9.0 if index == peak else 0.5}
        made.add(Point(START + (index + 1) * SECOND, counts, Counts(0, 90), None, evidence, None, 2.2), REPORT)
    return made


@pytest.mark.parametrize("count", [1, 2, 120, MOST_KEPT, MOST_KEPT + 1, 2 * MOST_KEPT + 1, 3 * MOST_KEPT + 7])
@pytest.mark.parametrize("most", [2, 100, 1200])
def test_windows_are_joined_and_nothing_is_lost(count: int, most: int) -> None:
    made = track(count, peak=count // 2)
    found = curve("availability", made, most)
    assert len(made.points) <= MOST_KEPT
    assert len(found.seconds) <= most
    assert (found.windows, found.seconds[-1]) == (count, float(count))
    assert found.seconds == sorted(found.seconds)
    assert sum(found.candidate_total) == 10 * sum(1 for index in range(count) if index % 7)
    assert sum(found.candidate_bad) == sum(index % 3 for index in range(count) if index % 7)
    assert sum(found.stable_total) == 90 * count
    assert max(value for value in found.evidence["e1"] if value is not None) == 9.0
    assert len(found.seconds) * found.windows_per_point >= count


@pytest.mark.parametrize(
    ("value", "told"),
    [(None, None), (1.23456, 1.235), (float("inf"), None), (float("-inf"), None), (float("nan"), None)],
)
def test_numbers_are_those_of_json(value: float | None, told: float | None) -> None:
    assert number(value) == told
