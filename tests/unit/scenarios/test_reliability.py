"""The page that the scenarios write."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.scenarios import reliability
from e2e.scenarios.reliability import KIND_PAGE, PAGE, Row, beside, known, plain, replaced, row


def test_a_row_in_words() -> None:
    line = row("e2e/scenarios/test_x.py::test_a_lie_holds_the_weight[503]", "passed", 31.4, [("seen_ms", 7)])
    assert line.line == "| a lie holds the weight (503) | passed | 31 | seen ms 7 |"


def test_only_its_own_section_is_replaced() -> None:
    page = "a\n<!-- soak: begin -->\nold\n<!-- soak: end -->\nb\n"
    assert replaced(page, "soak", "new") == "a\n<!-- soak: begin -->\nnew\n<!-- soak: end -->\nb\n"
    with pytest.raises(ValueError, match="no section matrix"):
        replaced(page, "matrix", "new")


def test_the_page_has_a_section_for_every_file_of_scenarios() -> None:
    files = sorted(Path(reliability.__file__).parent.glob("test_*.py"))
    assert len(files) > 5
    for file in files:
        for page in (PAGE, KIND_PAGE):
            assert replaced(page.read_text("utf-8"), file.stem.removeprefix("test_"), "x")


def test_a_table_can_be_read_back() -> None:
    rows = [Row("a b (c)", "passed", 31, "x 1, y 2"), Row("d", "failed", 4, "")]
    assert known(f"text\n{plain(rows)}\ntext") == {one.title: one for one in rows}


def test_kind_stands_beside_the_sandbox() -> None:
    table = beside(
        [Row("both", "passed", 40, "ms 9"), Row("kind only", "failed", 2, "")],
        {"both": Row("both", "passed", 31, "ms 7")},
    )
    assert table.splitlines()[2:] == [
        "| both | passed | 31 | passed | 40 | ms 7 | ms 9 |",
        "| kind only | not run |  | failed | 2 |  |  |",
    ]
