"""The page of Events and reasons is that of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from serin.rollout.report.announcements import STEP_ADVANCED
from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from tools.reasons import BEGIN, END, PAGE, with_table

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
