"""The page that the scenarios write."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.scenarios import reliability
from e2e.scenarios.reliability import KIND_PAGE, PAGE, Notes, Row, beside, known, merged, noted_in, plain, replaced, row


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


def test_rows_are_found_again_on_either_page() -> None:
    rows = [Row("a (b)", "passed", 31, "x 1, y 2"), Row("d", "failed", 4, "")]
    for table in (plain(rows), beside(rows, {"d": Row("d", "passed", 3, "ms 7")})):
        page = replaced("<!-- soak: begin --><!-- soak: end -->\n", "soak", f"2 scenarios\n\n{table}")
        assert noted_in(page, "soak") == rows


def test_a_row_that_ran_again_takes_its_place() -> None:
    old = [Row("a", "failed", 1, ""), Row("b", "passed", 2, "")]
    assert merged(old, [Row("c", "passed", 3, ""), Row("a", "passed", 4, "")]) == [
        Row("a", "passed", 4, ""),
        Row("b", "passed", 2, ""),
        Row("c", "passed", 3, ""),
    ]


@pytest.mark.parametrize(("named", "rows"), [(["soak"], "2 scenarios, 1 failed"), ([], "1 scenarios, 0 failed")])
def test_a_part_of_a_file_leaves_the_other_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: list[str], rows: str
) -> None:
    page = tmp_path / "page.md"
    table = plain([Row("a", "passed", 1, ""), Row("b", "failed", 2, "")])
    page.write_text(f"<!-- soak: begin -->\n{table}\n<!-- soak: end -->\n", "utf-8")
    monkeypatch.setattr(reliability, "PAGE", page)
    monkeypatch.setattr(reliability, "KIND_PAGE", page_of_kind := tmp_path / "kind.md")
    page_of_kind.write_text(f"<!-- soak: begin -->\nof kind\n\n{table}\n<!-- soak: end -->\n", "utf-8")
    notes = Notes(in_part=named)
    report = pytest.TestReport(
        "e2e/scenarios/test_soak.py::test_a", ("", 0, ""), {}, "passed", None, "call", duration=4
    )
    notes.pytest_runtest_logreport(report)
    notes.pytest_sessionfinish()
    assert rows in page.read_text("utf-8")
    beside_it = page_of_kind.read_text("utf-8")
    assert "of kind\n\n| scenario | sandbox |" in beside_it
    assert "| a | passed | 4 | passed | 1 |  |  |" in beside_it, "kind's own row stays, the sandbox's is the new one"
