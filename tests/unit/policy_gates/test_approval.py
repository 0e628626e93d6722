"""Approvals and the patterns of their tickets: tables."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from serin.policy_gates.answer import Approved, Asked, GateState
from serin.policy_gates.approval import Approval
from serin.policy_gates.ticket import LONGEST_PATTERN, matches, pattern_problem
from serin.schema.reasons import Reason
from tests.clock import START

HOUR = timedelta(hours=1)


def approval(**fields: Any) -> Approval:
    return Approval.model_validate(fields)


def asked(*people: str, late: timedelta = timedelta(0), requester: str | None = "bo") -> Asked:
    return Asked(
        now=START + late, since=START, approvals=tuple(Approved(person) for person in people), requester=requester
    )


def test_the_defaults_are_four_eyes_and_three_days() -> None:
    assert approval().model_dump(mode="json", by_alias=True) == {
        "count": 1,
        "groups": [],
        "notBy": "Requester",
        "timeout": "72h",
        "onTimeout": "Hold",
        "ticketPattern": None,
    }


ANSWERS = [
    ({}, asked(), GateState.WAITING, False, "0 of 1 approvals; until 2026-11-21T10:00:00Z, it is late then"),
    ({"count": 2}, asked("ana"), GateState.WAITING, False, "1 of 2 approvals, ana so far; until"),
    ({}, asked("ana"), GateState.OPEN, False, "approved by ana"),
    ({}, asked("ana", requester=None), GateState.OPEN, False, "nothing proves that it was somebody else"),
    ({"notBy": "Nobody"}, asked("ana", requester=None), GateState.OPEN, False, "approved by ana"),
    ({"timeout": "1h"}, asked(late=HOUR), GateState.WAITING, True, "late since 2026-11-18T11:00:00Z"),
    ({"timeout": "1h", "onTimeout": "Abort"}, asked(late=HOUR / 2), GateState.WAITING, False, "the rollout ends then"),
    ({"timeout": "1h", "onTimeout": "Abort"}, asked(late=HOUR), GateState.REFUSED, False, "0 of 1 approvals by 2026"),
    ({"timeout": "1h", "onTimeout": "Abort"}, asked("ana", late=HOUR), GateState.OPEN, False, "approved by ana"),
    ({"groups": list("abcde"), "ticketPattern": "CHG[0-9]+"}, asked(), GateState.WAITING, False,
     "0 of 1 approvals of a, b, c and 2 more with a ticket like CHG[0-9]+; until"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "question", "state", "stalled", "words"), ANSWERS)
def test_what_it_answers(
    fields: dict[str, Any], question: Asked, state: GateState, words: str, *, stalled: bool
) -> None:
    answer = approval(**fields).answer(question)
    assert (answer.state, answer.stalled) == (state, stalled)
    assert words in answer.message
    assert answer.reason is (Reason.APPROVAL_TIMEOUT if state is GateState.REFUSED else Reason.WAITING_FOR_APPROVAL)


@pytest.mark.parametrize("fields", [{"count": 0}, {"count": 6}, {"timeout": "59s"}, {"ticketPattern": "x" * 129}])
def test_what_the_schema_refuses(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        approval(**fields)


PATTERNS = [
    ("^CHG[0-9]{7}$", "CHG0012345", True),
    ("^CHG[0-9]{7}$", "CHG001234", False),
    ("CHG[0-9]{7}", "xCHG0012345", False),
    (r"(CHG|INC)-\d{4,10}", "INC-12345", True),
    (r"[A-Z]+-\d+", "PAY-7", True),
    (r"[^\s]+", "with blank", False),
    ("[]a]x", "]x", True),
    ("a.c", "abc", True),
    ("CHG[0-9]{7}", "CHG0012345\n", False),
]


@pytest.mark.parametrize(("pattern", "ticket", "fits"), PATTERNS)
def test_a_ticket_is_of_the_pattern_as_a_whole(pattern: str, ticket: str, *, fits: bool) -> None:
    assert pattern_problem(pattern) is None
    assert matches(pattern, ticket) is fits


REFUSED = [
    ("(a+)+", "is not supported"),
    ("(a|b)*c", "is not supported"),
    ("(a){2}", "is not supported"),
    ("a**", "is not supported"),
    ("a+?", "is not supported"),
    ("a++", "is not supported"),
    ("(?i)a", "is not supported"),
    ("(?=a)", "is not supported"),
    (r"(a)\1", "is not supported"),
    ("*a", "is not supported"),
    ("[a", "is not supported"),
    ("a{", "is not supported"),
    ("a?" * 60, "too many ways"),
    (".*.*.*", "too many ways"),
    ("(a|b)" * 20, "too many ways"),
    ("a{0,999}b{0,999}c{0,999}", "too many ways"),
    ("(a", "no regular expression"),
    ("a)", "no regular expression"),
    ("[b-a]", "no regular expression"),
    ("a{3,2}", "no regular expression"),
    ("x" * (LONGEST_PATTERN + 1), "129 characters"),
]


@pytest.mark.parametrize(("pattern", "words"), REFUSED)
def test_a_pattern_that_could_take_long_is_a_problem(pattern: str, words: str) -> None:
    assert words in str(pattern_problem(pattern))
    assert not matches(pattern, "a")
    if len(pattern) <= LONGEST_PATTERN:
        assert str(approval(ticketPattern=pattern).problem).startswith("ticketPattern: ")


@pytest.mark.parametrize("pattern", ["[[]", "[a--b]", "[a&&b]", "[a||b]", "[a~~b]"])
def test_a_set_with_two_meanings_is_refused(pattern: str) -> None:
    """Python warns that it will read them in another way; the warning is nobody's to see in the operator."""
    assert "two meanings" in str(pattern_problem(pattern))
    assert not matches(pattern, "[")


@given(st.text("aab.*+?{}()|[]^$\\d1,3", max_size=40), st.text("ab1", max_size=128))
@settings(max_examples=100)
def test_no_pattern_that_is_used_raises_or_takes_long(pattern: str, ticket: str) -> None:
    begun = time.process_time()
    matches(pattern, ticket)
    assert time.process_time() - begun < 1
