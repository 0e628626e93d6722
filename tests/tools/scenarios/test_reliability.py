"""The page that the scenarios write."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.load.answer import Answer
from e2e.scenarios import reliability
from e2e.scenarios.clients import FAILED_REQUESTS, Clients
from e2e.scenarios.reliability import KIND_PAGE, PAGE, Notes, Row, beside, known, merged, noted_in, plain, replaced, row


def test_a_row_in_words() -> None:
    noted = [("seen_ms", 7), (FAILED_REQUESTS, "0 of 9")]
    line = row("e2e/scenarios/test_x.py::test_a_lie_holds_the_weight[503]", "passed", 31.4, noted)
    assert line.line == "| a lie holds the weight (503) | passed | 31 | 0 of 9 | seen ms 7 |"


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
    rows = [Row("a b (c)", "passed", 31, "", "x 1, y 2"), Row("d", "failed", 4, "3 of 9 (2: 3)", "")]
    page = replaced("a\n<!-- soak: begin --><!-- soak: end -->\nb", "soak", plain(rows))
    assert known(page, "soak") == {one.title: one for one in rows}


def test_a_scenario_of_one_title_in_two_files_is_two() -> None:
    page = "<!-- knative: begin --><!-- knative: end --><!-- envoy_gateway: begin --><!-- envoy_gateway: end -->"
    page = replaced(page, "envoy_gateway", plain([Row("it is killed", "passed", 31, "", "")]))
    assert known(page, "knative") == {}
    assert known(page, "envoy_gateway").keys() == {"it is killed"}


def test_kind_stands_beside_the_sandbox() -> None:
    table = beside(
        [Row("both", "passed", 40, "1 of 8", "ms 9"), Row("kind only", "failed", 2, "", "")],
        {"both": Row("both", "passed", 31, "0 of 9", "ms 7")},
    )
    assert table.splitlines()[2:] == [
        "| both | passed | 31 | 0 of 9 | passed | 40 | 1 of 8 | ms 7 | ms 9 |",
        "| kind only | not run |  |  | failed | 2 |  |  |  |",
    ]


def test_rows_are_found_again_on_either_page() -> None:
    rows = [Row("a (b)", "passed", 31, "0 of 9", "x 1, y 2"), Row("d", "failed", 4, "", "")]
    for table in (plain(rows), beside(rows, {"d": Row("d", "passed", 3, "1 of 2", "ms 7")})):
        page = replaced("<!-- soak: begin --><!-- soak: end -->\n", "soak", f"2 scenarios\n\n{table}")
        assert noted_in(page, "soak") == rows


def test_a_row_that_ran_again_takes_its_place() -> None:
    old = [Row("a", "failed", 1, "", ""), Row("b", "passed", 2, "", "")]
    assert merged(old, [Row("c", "passed", 3, "", ""), Row("a", "passed", 4, "", "")]) == [
        Row("a", "passed", 4, "", ""),
        Row("b", "passed", 2, "", ""),
        Row("c", "passed", 3, "", ""),
    ]


@pytest.mark.parametrize(("named", "rows"), [(["soak"], "2 scenarios, 1 failed"), ([], "1 scenarios, 0 failed")])
def test_a_part_of_a_file_leaves_the_other_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: list[str], rows: str
) -> None:
    page = tmp_path / "page.md"
    table = plain([Row("a", "passed", 1, "", ""), Row("b", "failed", 2, "", "")])
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
    assert "| a | passed | 4 |  | passed | 1 |  |  |  |" in beside_it, (
        "kind's own row stays, the sandbox's is the new one"
    )


@pytest.mark.parametrize(("before", "stays"), [("passed", "passed"), ("failed", "failed"), ("skipped", "because a")])
def test_a_scenario_that_is_skipped_replaces_no_row_of_a_provider_that_played_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, stays: str
) -> None:
    page = tmp_path / "page.md"
    table = plain([Row("a", before, 1, "", ""), Row("no scenario any more", "passed", 1, "", "")])
    page.write_text(f"<!-- soak: begin -->\n{table}\n<!-- soak: end -->\n", "utf-8")
    monkeypatch.setattr(reliability, "PAGE", page)
    monkeypatch.setattr(reliability, "put_beside", lambda: None)
    notes = Notes()
    why = ("test_soak.py", 1, "Skipped: a has none")
    notes.pytest_runtest_logreport(
        pytest.TestReport("test_soak.py::test_a", ("", 0, ""), {}, "skipped", why, "setup", duration=0)
    )
    notes.pytest_sessionfinish()
    found = known(page.read_text("utf-8"), "soak")
    assert found.keys() == {"a"}
    assert stays in found["a"].line


@pytest.mark.parametrize("behind", ["", reliability.BEHIND_KOURIER])
def test_rows_behind_either_gateway_stand_in_one_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behind: str
) -> None:
    page = tmp_path / "page.md"
    titles = [f"{name}{gateway}" for name in ("a", "b") for gateway in ("", reliability.BEHIND_KOURIER)]
    table = plain([Row(title, "failed", 1, "", "") for title in titles])
    page.write_text(f"<!-- soak: begin -->\n{table}\n<!-- soak: end -->\n", "utf-8")
    monkeypatch.setattr(reliability, "PAGE", page)
    monkeypatch.setattr(reliability, "KIND_PAGE", page)
    monkeypatch.setattr(reliability, "put_beside", lambda: None)
    notes = Notes(behind=behind)
    report = pytest.TestReport("test_soak.py::test_a", ("", 0, ""), {}, "passed", None, "call", duration=4)
    notes.pytest_runtest_logreport(report)
    notes.pytest_sessionfinish()
    found = {title: one.outcome for title, one in known(page.read_text("utf-8"), "soak").items()}
    other = reliability.BEHIND_KOURIER if not behind else ""
    assert found == {f"a{behind}": "passed", f"a{other}": "failed", f"b{other}": "failed"}


def answers(*of: tuple[str, int, int]) -> list[Answer]:
    return [Answer(0.0, 0.1, status, version) for version, status, count in of for _ in range(count)]


@pytest.mark.parametrize(
    ("loads", "said"),
    [
        ([], ""),
        ([answers(("1", 200, 3))], "0 of 3"),
        ([answers(("1", 200, 3), ("2", 500, 2)), answers(("", 503, 1), ("", 0, 1))], "4 of 7 (2: 2, no version: 2)"),
        ([answers(*((f"v{n}", 500, 1) for n in range(4)), ("", 0, 1))], "5 of 5 (4 versions: 4, no version: 1)"),
    ],
)
def test_what_clients_got_in_words(loads: list[list[Answer]], said: str) -> None:
    clients = Clients()
    for load in loads:
        clients.add(load)
    assert str(clients) == said
