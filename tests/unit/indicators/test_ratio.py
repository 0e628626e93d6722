"""Ratios as people have them: any two of bad, good and total, each one selector or several."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from serin.indicators.histogram import Histogram
from serin.indicators.latency import Latency
from serin.indicators.measurements import Counters, Selection
from serin.indicators.query import MeanQuery
from serin.indicators.ratio import Ratio
from serin.schema.choices import Arms


def coefficients(**fields: Any) -> list[tuple[str, int, int]]:
    """Per selector: its part in bad, and in total."""
    measured = Ratio.model_validate(fields).measurement(Arms.POD)
    assert isinstance(measured, Counters)
    selections = [group for group in measured.groups if isinstance(group, Selection)]
    return [(one.selector, one.counters[0].bad, one.counters[0].total) for one in selections]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"bad": "b", "total": "t"}, [("b", 1, 0), ("t", 0, 1)]),
        ({"bad": "b", "good": "g"}, [("b", 1, 1), ("g", 0, 1)]),
        ({"good": "g", "total": "t"}, [("g", -1, 0), ("t", 1, 1)]),
        ({"bad": ["b", "c"], "total": "t"}, [("b", 1, 0), ("c", 1, 0), ("t", 0, 1)]),
        ({"bad": "b", "total": ["t", "u"]}, [("b", 1, 0), ("t", 0, 1), ("u", 0, 1)]),
        ({"good": ["g", "h"], "total": ["t"]}, [("g", -1, 0), ("h", -1, 0), ("t", 1, 1)]),
    ],
)
def test_two_of_three(fields: dict[str, Any], expected: list[tuple[str, int, int]]) -> None:
    assert coefficients(**fields) == expected


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"bad": "b"}, "give two of bad, good and total"),
        ({"total": "t"}, "give two of bad, good and total"),
        ({}, "give two of bad, good and total"),
        ({"bad": "b", "good": "g", "total": "t"}, "give two of bad, good and total"),
        ({"bad": [], "total": "t"}, "is one selector, or a list of 1 to 5"),
        ({"bad": list("abcdef"), "total": "t"}, "is one selector, or a list of 1 to 5"),
        ({"bad": "", "total": "t"}, "at least 1 character"),
        ({"bad": 5, "total": "t"}, "is one selector, or a list"),
        ({"bad": {"a": "b"}, "total": "t"}, "is one selector, or a list"),
        ({"bad": "b", "total": "t", "armLabel": {"name": "le", "value": "Revision"}}, "le is that of"),
        ({"bad": "b", "total": "t", "armLabel": {"name": "__name__", "value": "Revision"}}, "pattern"),
        ({"bad": "b", "total": "t", "armLabel": {"name": 'a"', "value": "Revision"}}, "pattern"),
        ({"bad": "b", "total": "t", "armLabel": {"name": "a", "value": "Colour"}}, "Service"),
    ],
)
def test_ratios_that_are_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Ratio.model_validate(fields)


def test_a_policy_of_an_earlier_serin_reads_the_same() -> None:
    ratio = Ratio.model_validate({"bad": "b", "total": "t"})
    assert (ratio.bad, ratio.good, ratio.total, ratio.arm_label, ratio.may_be_absent) == (
        ["b"],
        None,
        ["t"],
        None,
        False,
    )


@pytest.mark.parametrize(
    ("fields", "must"),
    [
        ({"bad": "b", "total": "t"}, {"b"}),
        ({"bad": "b", "good": "g"}, {"b", "g"}),
        ({"good": "g", "total": "t"}, {"g"}),
        ({"bad": "b", "total": "t", "mayBeAbsent": True}, set()),
    ],
)
def test_what_must_be_seen_before_anything_counts(fields: dict[str, Any], must: set[str]) -> None:
    measured = Ratio.model_validate(fields).measurement(Arms.POD)
    assert isinstance(measured, Counters)
    groups = [group for group in measured.groups if isinstance(group, Selection)]
    assert {group.selector for group in groups if group.must_be_seen} == must


@pytest.mark.parametrize(
    ("ladder", "is_good"),
    [
        ([], True),
        (["100ms", "250ms"], True),
        (["250us", "2s"], True),
        (["250ms", "100ms"], False),
        (["100ms", "100ms"], False),
        (["500ms"], False),
        (["0s"], False),
        ([f"{n}ms" for n in range(1, 10)], False),
    ],
)
@pytest.mark.parametrize("kind", [Latency, Histogram])
def test_a_ladder_rises_and_has_other_boundaries_than_the_threshold(
    kind: type[Latency | Histogram],
    ladder: list[str],
    is_good: bool,  # noqa: FBT001
) -> None:
    fields = {"threshold": "500ms", "ladder": ladder, **({"selector": "x"} if kind is Histogram else {})}
    try:
        found = kind.model_validate(fields)
    except ValidationError:
        assert not is_good
        return
    assert is_good
    assert len(found.boundaries) == len(ladder)


def test_arms_of_a_mean() -> None:
    mean = MeanQuery.model_validate({"sum": "a", "count": "b", "maxShift": "1", "arms": "Pod"})
    assert mean.own_arms is Arms.POD
