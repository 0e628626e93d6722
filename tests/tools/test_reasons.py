"""The page of Events and reasons is that of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from serin.rollout.report.announcements import STEP_ADVANCED
from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from tools.reason_advice import ADVICE, advice
from tools.reasons import BEGIN, END, PAGE, REFERENCE, reference, with_table

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / PAGE).read_text()


def test_the_page_shows_the_reasons_as_they_are() -> None:
    assert with_table(TEXT) == TEXT, "run `python -m tools.reasons`"


def test_the_page_names_every_phase_and_the_step() -> None:
    before = TEXT.partition(BEGIN)[0]
    assert {phase.value for phase in Phase} | {STEP_ADVANCED} <= set(re.findall(r"`(\w+)`", before))


def test_the_table_has_a_row_for_each_reason() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)
    assert rows == [reason.value for reason in Reason]


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match=BEGIN):
        with_table(f"no marks {END}")


def test_the_page_of_answers_is_that_of_the_code() -> None:
    assert (ROOT / REFERENCE).read_text() == reference(), "run `python -m tools.reasons`"


@pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.value)
def test_each_reason_has_its_answers(reason: Reason) -> None:
    given = advice(reason)
    assert all(text.endswith((".", ".md).")) for text in (given.safe, given.next))
    assert (given.act == "now") <= reason.effect.warning, "who is needed now is told by a Warning"
    for link in re.findall(r"\]\(([^)#]+)\)", given.next):
        assert (ROOT / REFERENCE).parent.joinpath(link).exists()


def test_what_is_a_warning_has_words_of_its_own() -> None:
    """Whoever adds a reason that warns says what to do about it."""
    assert {reason for reason in Reason if reason.effect.warning} <= ADVICE.keys()
