"""A number before a move: a table, and what the schema refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from serin.policy_gates.answer import Asked, GateState, Number, Unknown
from serin.policy_gates.metric import LOOK_AGAIN, Metric
from serin.schema.reasons import Reason
from tests.clock import START

MINUTE = timedelta(minutes=1)


def metric(**fields: Any) -> Metric:
    return Metric.model_validate({"query": "budget"} | fields)


def asked(fact: Any, *, after: timedelta = timedelta(0), met: timedelta | None = None) -> Asked:
    return Asked(now=START + after, since=START, fact=fact, met_since=None if met is None else START + met)


INSIDE = {"min": "0.2", "max": "0.8"}
ANSWERS = [
    (INSIDE, asked(Number(0.2)), True, "budget is 0.2"),
    (INSIDE, asked(Number(0.8)), True, "budget is 0.8"),
    (INSIDE, asked(Number(0.1)), False, "budget is 0.1, below 0.2"),
    (INSIDE, asked(Number(0.9)), False, "budget is 0.9, above 0.8"),
    ({"max": "-1"}, asked(Number(-2.0)), True, "budget is -2"),
    (INSIDE, asked(Number(float("inf"))), False, "above 0.8"),
    ({"min": "1"}, asked(Number(float("-inf"))), False, "below 1"),
    (INSIDE, asked(Number(float("nan"))), False, "NaN, which is no number; missing data opens nothing"),
    (INSIDE, asked(Number(None)), False, "no value"),
    (INSIDE, asked(Unknown("2 series: aggregate them")), False, "cannot be read: 2 series"),
    (INSIDE, asked(None), False, "is being asked for"),
    (INSIDE | {"for": "5m"}, asked(Number(0.5)), False, "it has to stay so for 5m, until 2026-11-18T10:05:00Z"),
    (INSIDE | {"for": "5m"}, asked(Number(0.5), after=4 * MINUTE, met=-MINUTE), True, "budget is 0.5"),
    (INSIDE | {"for": "5m"}, asked(Number(0.5), met=9 * MINUTE), False, "until 2026-11-18T10:05:00Z"),
]


@pytest.mark.parametrize(("fields", "question", "is_open", "words"), ANSWERS)
def test_what_it_answers(fields: dict[str, Any], question: Asked, words: str, *, is_open: bool) -> None:
    answer = metric(**fields).answer(question)
    assert answer.is_open is is_open
    assert words in answer.message
    if not is_open:
        assert (answer.state, answer.reason) == (GateState.WAITING, Reason.GATE_CLOSED)
        assert (answer.stalled, answer.look_at) == (False, question.now + LOOK_AGAIN)


@pytest.mark.parametrize("fact", [None, Unknown("503"), Number(0.1), Number(0.5)])
def test_after_its_timeout_a_person_is_asked(fact: Any) -> None:
    closed = metric(**INSIDE, timeout="10m", **{"for": "1h"})
    assert not closed.answer(asked(fact, after=9 * MINUTE)).stalled
    late = closed.answer(asked(fact, after=10 * MINUTE))
    assert late.stalled
    assert "longer than its timeout" in late.message


@pytest.mark.parametrize(
    "fields",
    [{}, {"min": "2", "max": "1"}, {"query": "", "min": "1"}, {"min": "many"}, {"query": "x" * 1025, "min": "1"}],
)
def test_what_the_schema_refuses(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        metric(**fields)


def test_a_long_query_does_not_fill_the_message() -> None:
    assert len(metric(query="x" * 1024, min="1").answer(asked(Number(0.0))).message) < 200
