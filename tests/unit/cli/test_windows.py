"""A windows file: rows without gaps, or one line that names the fault, its line and its field."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serin.api.promotion_policy import PromotionPolicySpec
from serin.cli.windows import Header, WindowFile, read_windows
from serin.errors import InvalidInput
from tests.clock import START, api_time
from tests.window_lines import GOOD, SLOS, Line, counted, line, spec
from tests.world import policy as spec_of


def read(lines: list[Line] | str, *slos: str) -> WindowFile:
    text = lines if isinstance(lines, str) else "\n".join(json.dumps(entry) for entry in lines)
    return read_windows(text.split("\n"), spec_of(**spec(*slos)), "W.jsonl")


def refusal(lines: list[Line] | str, *slos: str) -> str:
    """The one short line that says why the file cannot be read."""
    with pytest.raises(InvalidInput) as caught:
        read(lines, *slos)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    assert len(text) < 500
    return text


def test_a_window_that_is_missing_has_no_data() -> None:
    found = read([counted(0, None), counted(2, GOOD), counted(4, GOOD)])
    assert [row["availability"].measured for row in found.rows] == [False, False, True, False, True]
    assert (found.history, found.rungs) == (2, {})


def test_an_error_text_is_one_printable_line_and_the_rest_of_the_line_is_not_read() -> None:
    found = read([counted(0, GOOD), line(1, error="a\nb \ud800", candidate="?"), line(2, error="\n")])
    assert [row["availability"].error for row in found.rows] == ["", "a b ?", "?"]


def test_the_number_of_a_ladders_boundaries_is_told() -> None:
    arm = {"over": 1, "total": 9, "ladder": {"0.25": 3, "0.1": 7}}
    found = read([counted(0, GOOD), line(0, "latency", candidate=arm)], "availability", "latency")
    assert found.rungs == {"latency": 2}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", "W.jsonl: there is no window in it"),
        ("{", "W.jsonl:1: not JSON: "),
        ("[]", "W.jsonl:1: expected an object, found list"),
        ("[" * 100_000, "W.jsonl:1: not JSON: "),
        ('{"slo": "availability", "slo": "b"}', "W.jsonl:1: the line has a field twice"),
        ([{**counted(0, GOOD), "slo": "speed"}], "W.jsonl:1: slo: 'speed' is not an SLO of the policy (availability)"),
        ([{**counted(0, GOOD), "slo": ["x"]}], "W.jsonl:1: slo: ['x'] is not"),
        ([{**counted(0, GOOD), "start": "yesterday"}], "W.jsonl:1: start: 'yesterday' is not a time with a zone"),
        ([{**counted(0, GOOD), "start": api_time().removesuffix("Z")}], "W.jsonl:1: start: "),
        ([{**counted(0, GOOD), "start": "0001-01-01T00:00:00+14:00"}], "W.jsonl:1: start: "),
        ([{**counted(0, GOOD), "start": 7}], "W.jsonl:1: start: 7 is not a time"),
        ([{**counted(0, GOOD), "seconds": 0}], "W.jsonl:1: seconds: 0 is not within 1 and 3600"),
        ([{**counted(0, GOOD), "seconds": 1.5}], "W.jsonl:1: seconds: 1.5 is not a whole number"),
        ([{**counted(0, GOOD), "seconds": "15"}], "W.jsonl:1: seconds: '15' is not a number"),
        ([counted(0, GOOD), {**counted(1, GOOD), "seconds": 30}], "W.jsonl:2: seconds: 30 differs from 15 in line 1"),
        ([counted(0, GOOD), counted(0, GOOD)], "W.jsonl:2: start: this window of availability is in line 1 already"),
        ([counted(1, GOOD), counted(0, GOOD)], "W.jsonl:2: start: is before the window in line 1; put the windows of"),
        (
            [counted(0, GOOD), {**counted(0, GOOD), "start": api_time(7)}],
            "W.jsonl:2: start: is not a whole number of windows after the one in line 1",
        ),
        (
            [counted(0, GOOD), counted(6000, GOOD)],
            "W.jsonl:2: start: is 1 day, 1:00:00 after the window in line 1; a gap",
        ),
        ([counted(0, (-1, 5))], "W.jsonl:1: candidate.bad: -1 is not within 0 and 1e+15"),
        ([line(0, candidate={"bad": 1.5, "total": 5})], "W.jsonl:1: candidate.bad: 1.5 is not a whole number"),
        ([line(0, candidate={"bad": True, "total": 5})], "W.jsonl:1: candidate.bad: True is not a number"),
        ([line(0, candidate={"bad": 1})], "W.jsonl:1: candidate.total: is missing"),
        ([line(0, candidate={"total": 1})], "W.jsonl:1: candidate.bad: is missing"),
        ([line(0, candidate=5)], "W.jsonl:1: candidate: expected an object or null, found 5"),
        ([line(0, candidate=None, stable=[1, 2])], "W.jsonl:1: stable: expected an object or null"),
        (
            [line(0, candidate={"bad": 1, "total": 10**16})],
            "W.jsonl:1: candidate.total: 10000000000000000 is not within",
        ),
        ([line(0, candidate={"bad": 1, "total": 10**400})], "W.jsonl:1: candidate.total: "),
        ([line(0, candidate={"bad": float("nan"), "total": 5})], "W.jsonl:1: NaN is not a number that can be counted"),
        ([line(0, candidate={"bad": float("inf"), "total": 5})], "W.jsonl:1: Infinity is not a number"),
        ([line(0, error=5)], "W.jsonl:1: error: is not a text"),
        ([line(0, candidate={"bad": 0, "total": 5, "ladder": {"1": 1}})], "W.jsonl:1: candidate.ladder: belongs to a"),
    ],
)
def test_a_fault_is_told_with_line_and_field(lines: list[Line] | str, expected: str) -> None:
    assert expected in refusal(lines)


@pytest.mark.parametrize(
    ("ladders", "expected"),
    [
        ([{"x": 1}], "candidate.ladder: 'x' is not a boundary in seconds"),
        ([{"nan": 1}], "candidate.ladder: 'nan' is not a boundary in seconds"),
        ([{"-1": 1}], "candidate.ladder: '-1' is not a boundary in seconds"),
        ([{"0.1": 2, "0.5": 9}], "candidate.ladder: counts requests slower than each boundary"),
        ([{"0.1": 2}, {"0.2": 2}], "candidate.ladder: has the boundaries 0.2; the lines before it have 0.1"),
        ([{"0.1": 2}, None], "candidate.ladder: has the boundaries none; the lines before it have 0.1"),
        ([{"0.1": -2}], "candidate.ladder.0.1: -2 is not within"),
        ([[1]], "candidate.ladder: belongs to a latency or histogram SLO and is"),
    ],
)
def test_bad_ladders(ladders: list[Any], expected: str) -> None:
    lines = [
        line(i, "latency", candidate={"over": 0, "total": 10, **({"ladder": rungs} if rungs is not None else {})})
        for i, rungs in enumerate(ladders)
    ]
    assert expected in refusal(lines, "availability", "latency")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"slo": "drift", "value": "0.1"}, "W.jsonl:1: value: '0.1' is not a number"),
        ({"slo": "drift", "value": 0.1, "age": -1}, "W.jsonl:1: age: -1.0 is not within 0 and 1e+09"),
        ({"slo": "drift", "value": 0.1, "sizes": 7}, "W.jsonl:1: sizes: expected [candidate, reference]"),
        ({"slo": "drift", "value": 0.1, "sizes": [1, 2, 3]}, "W.jsonl:1: sizes: expected [candidate, reference]"),
        ({"slo": "drift", "value": 0.1, "sizes": [1, 2.5]}, "W.jsonl:1: sizes[1]: 2.5 is not a whole number"),
        ({"slo": "score", "candidate": {"count": 3}}, "W.jsonl:1: candidate.mean: is missing"),
        ({"slo": "score", "stable": {"mean": 3}}, "W.jsonl:1: stable.count: is missing"),
        ({"slo": "latency", "candidate": {"bad": 0, "total": 3}}, "W.jsonl:1: candidate.over: is missing"),
        ({"slo": "latency", "start": "9999-12-31T23:59:59Z"}, "'9999-12-31T23:59:59Z' is not within the years 1970"),
    ],
)
def test_a_fault_in_the_data_of_an_indicator(fields: dict[str, Any], expected: str) -> None:
    assert expected in refusal([{**line(0), **fields}], "latency", "drift", "score")


def test_fields_that_nobody_reads_are_noted_once() -> None:
    latency = {"over": 1, "total": 9, "bad": 1, "ladder": {"0.1": 3}}
    lines = [
        {**counted(0, GOOD), "stbale": {}},
        {**counted(1, GOOD), "stbale": {}, "value": 1},
        line(0, "latency", candidate=latency),
        line(0, "drift", value=0.1, sise=[1, 2]),
        line(0, "score", candidate={"mean": 0.3, "count": 1, "variance": 2}),
    ]
    found = read(lines, "availability", "latency", "drift", "score")
    assert found.unused == [
        "W.jsonl:1: stbale",
        "W.jsonl:2: value",
        "W.jsonl:3: candidate.bad",
        "W.jsonl:4: sise",
        "W.jsonl:5: candidate.variance",
    ]


def test_a_gap_between_two_slos_is_bounded_too() -> None:
    far = line(20_000, "latency", candidate={"over": 0, "total": 1})
    found = refusal([counted(0, GOOD), far], "availability", "latency")
    assert "W.jsonl:2: start: is 3 days, 11:20:00 after the window in line 1; a gap may be 24 hours" in found


def test_a_start_is_kept_in_utc() -> None:
    there = START.astimezone(timezone(timedelta(hours=2))).isoformat()
    header = Header.model_validate({"start": there, "seconds": 15})
    assert there.endswith("+02:00")
    assert (header.start, header.start.tzinfo, header.length) == (START, UTC, timedelta(seconds=15))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["slo", "start", "seconds", "candidate", "stable", "error", "value", "age", "sizes"])
POLICY: PromotionPolicySpec = spec_of(**spec("availability", "latency", "drift", "score"))


@settings(max_examples=100)
@given(st.sampled_from([slo["name"] for slo in SLOS]), st.dictionaries(FIELDS, json_values, max_size=4))
def test_whatever_a_line_holds_it_is_read_or_refused_in_words(name: str, changes: dict[str, Any]) -> None:
    text = json.dumps({**line(0, name), **changes})
    with suppress(InvalidInput):
        assert len(read_windows([text], POLICY, "W").rows) == 1
