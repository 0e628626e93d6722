"""Lines of a windows file as the judge takes them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from serin.api.policy.indicator import Indicator
from serin.evidence import Counts, Evaluation, Mean, MeanWindow, Window
from tests.clock import START

LENGTH = timedelta(seconds=15)


def interval(kind: str, data: dict[str, Any], **indicator: Any) -> Any:
    given = Indicator.model_validate({kind: indicator})
    return given.chosen.from_line(data, START, LENGTH, {})


def test_shares_are_counts_of_each_arm() -> None:
    found = interval("availability", {"candidate": {"bad": 1, "total": 150.0}, "stable": None})
    assert found == Window(START, LENGTH, Counts(1, 150), None)


def test_availability_may_say_which_answers_were_a_4xx() -> None:
    found = interval("availability", {"candidate": {"bad": 1, "total": 150, "clientErrors": 20}, "stable": None})
    assert found == Window(START, LENGTH, Counts(1, 150, client_errors=20), None)


def test_a_ladder_is_in_rising_order_of_its_boundaries() -> None:
    arm = {"over": 3, "total": 150, "ladder": {"0.25": 9, "0.1": 40}}
    found = interval("latency", {"candidate": arm, "stable": {**arm, "total": 9}}, threshold="500ms")
    assert found == Window(START, LENGTH, Counts(3, 150, (40, 9)), Counts(3, 9, (9, 9)))


def test_a_ladder_in_a_file_is_that_of_the_policy() -> None:
    policy = {"threshold": "500ms", "ladder": ["100ms", "250ms"]}
    arm = {"over": 3, "total": 150, "ladder": {"0.1": 40, "0.25": 9}}
    assert interval("latency", {"candidate": arm}, **policy).candidate == Counts(3, 150, (40, 9))
    assert interval("latency", {"candidate": {"over": 3, "total": 150}}, **policy).candidate == Counts(3, 150)
    with pytest.raises(ValidationError, match=r"has the boundaries 0\.1; the policy's ladder has 0\.1, 0\.25"):
        interval("latency", {"candidate": {**arm, "ladder": {"0.1": 40}}}, **policy)


def test_a_mean_is_needed_where_something_was_counted() -> None:
    query = {"sum": "s", "count": "c", "maxShift": "1"}
    found = interval("query", {"candidate": {"mean": 0.5, "count": 2}, "stable": {"count": 0}}, **query)
    assert found == MeanWindow(START, LENGTH, Mean(0.5, 2), Mean(0.0, 0))
    with pytest.raises(ValidationError, match="is missing"):
        interval("query", {"candidate": {"count": 2}}, **query)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"value": 0.1}, Evaluation(START, LENGTH, 0.1)),
        ({"value": 0.1, "age": 5}, Evaluation(START, LENGTH, 0.1, START + timedelta(seconds=10))),
        ({"value": 0.1, "age": 61}, Evaluation(START, LENGTH, None)),
        ({"value": None, "age": 5}, Evaluation(START, LENGTH, None)),
        ({"value": 0.1, "sizes": [200, 300]}, Evaluation(START, LENGTH, 0.1, None, (200, 300))),
    ],
)
def test_a_gauge_is_a_sample_that_is_young_enough(data: dict[str, Any], expected: Evaluation) -> None:
    assert interval("gauge", data, query="drift", max="0.2", maxAge="1m") == expected
