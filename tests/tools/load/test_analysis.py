from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2e.load.analysis import by_version, failures_except, latency, presence, quantile, unattributed
from e2e.load.answer import Answer
from e2e.load.live import Counts


def answer(version: str, status: int = 200, sent: float = 0.0, seconds: float = 0.01) -> Answer:
    return Answer(sent, seconds, status, version, "" if status else "TimeoutError")


def test_counts_requests_and_failures_per_version() -> None:
    answers = [answer("1"), answer("1", 500), answer("2"), answer("", 0)]
    assert by_version(answers) == {"": Counts(1, 1), "1": Counts(2, 1), "2": Counts(1, 0)}


@pytest.mark.parametrize(
    ("given_answer", "counts"),
    [
        pytest.param(answer("3", 500), False, id="an error of the version itself is its own"),
        pytest.param(answer("2", 500), True, id="an error of another version is not"),
        pytest.param(answer("", 503), True, id="an error of the gateway is nobody's own"),
        pytest.param(answer("", 0), True, id="no answer is nobody's own"),
        pytest.param(answer("2", 404), True, id="a client error is a failure as well"),
        pytest.param(answer("2", 200), False, id="a good answer is none"),
    ],
)
def test_failures_that_a_version_did_not_cause(given_answer: Answer, counts: bool) -> None:  # noqa: FBT001
    assert failures_except([given_answer], "3") == ([given_answer] if counts else [])


@pytest.mark.parametrize("given_answer", [answer("", 503), answer("", 0), answer("2", 500)])
def test_nobody_may_fail_when_no_version_is_bad(given_answer: Answer) -> None:
    assert failures_except([given_answer], "") == [given_answer]


def test_presence_is_from_the_first_request_to_the_last_answer() -> None:
    answers = [answer("2", sent=5, seconds=1), answer("2", sent=4, seconds=3), answer("1", sent=1)]
    seen = presence(answers, "2")
    assert seen is not None
    assert (seen.first_sent, seen.first, seen.last, seen.last_sent) == (4, 6, 7, 5)
    assert presence(answers, "3") is None


def test_an_answer_that_nobody_signs_is_told() -> None:
    assert unattributed([answer("1"), answer(""), answer("", 0)]) == 2


def test_latency_leaves_out_requests_without_an_answer() -> None:
    answers = [answer("1", seconds=0.1), answer("1", seconds=0.2), answer("", 0, seconds=10)]
    assert latency(answers) == (0.1, 0.2)
    assert latency(answers, "2") == (None, None)


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0, 1))
def test_a_quantile_is_a_value_that_enough_others_do_not_exceed(values: list[float], share: float) -> None:
    found = quantile(values, share)
    assert found in values
    assert found is not None
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert quantile([], share) is None
