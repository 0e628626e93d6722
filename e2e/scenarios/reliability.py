"""What the scenarios showed becomes tables in docs/ (`pytest -p e2e.scenarios.reliability`).

On the sandbox: docs/reliability.md, a table per file of scenarios. On kind: docs/reliability-kind.md, one table that
puts each scenario beside what the sandbox showed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.scenarios.clients import FAILED_REQUESTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE, KIND_PAGE = DOCS / "reliability.md", DOCS / "reliability-kind.md"
MARK = "<!-- {section}: {edge} -->"
BEHIND_KOURIER = ", behind Kourier"
"""Ends the title of a row of a scenario that is played behind net-gateway-api, too."""
SKIPPED = "skipped"
PLAIN, BESIDE = 5, 9
"""Columns of a table."""


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one scenario."""

    title: str
    outcome: str
    seconds: float
    failed: str
    """Failed requests, of how many; empty without clients."""
    seen: str

    @property
    def result(self) -> str:
        """The cells that stand side by side where there are two providers."""
        return f"{self.outcome} | {self.seconds:.0f} | {self.failed}"

    @property
    def line(self) -> str:
        """As a line of a table."""
        return f"| {self.title} | {self.result} | {self.seen} |"


def pytest_configure(config: pytest.Config) -> None:
    """Notes what runs; of what is chosen by name only the rows are written anew."""
    provider = str(config.getoption("--provider", default="sandbox"))
    named = [section_of(argument) for argument in config.args if "::" in argument]
    behind = BEHIND_KOURIER if provider.endswith("kourier") else ""
    notes = Notes(on_kind=provider.startswith("kind"), in_part=named, behind=behind)
    config.pluginmanager.register(notes, "serin-reliability")


class Notes:
    """One row per scenario that ran, by the file that it stands in."""

    def __init__(self, *, on_kind: bool = False, in_part: Iterable[str] = (), behind: str = "") -> None:
        self._on_kind = on_kind
        self._behind = behind
        self._in_part = set(in_part)
        """Sections of which only some scenarios run."""
        self._tables: dict[str, list[Row]] = {}

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Notes of which files not everything runs."""
        self._in_part |= {section_of(item.nodeid) for item in items}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes the scenario's outcome, and a failure of what is around it."""
        if report.when != "call" and report.passed:
            return
        properties = list(report.user_properties)
        if report.skipped and isinstance(report.longrepr, tuple):
            properties.append(("because", report.longrepr[2].removeprefix("Skipped: ")))
        noted = row(report.nodeid, report.outcome, report.duration, properties)
        noted = replace(noted, title=noted.title + self._behind)
        section = section_of(report.nodeid)
        self._tables[section] = merged(self._tables.get(section, []), [noted])

    def pytest_sessionfinish(self) -> None:
        """Puts the tables into the page."""
        path = KIND_PAGE if self._on_kind else PAGE
        page = path.read_text("utf-8")
        for section, ran in self._tables.items():
            skipped = {one.title for one in ran if one.outcome == SKIPPED}
            before = noted_in(page, section)
            played = [old for old in before if old.title in skipped and old.outcome != SKIPPED]
            kept = [old for old in before if section in self._in_part or self._is_of_another(old) or old in played]
            rows = merged(merged(kept, ran), played)  # a scenario that this provider skips has another one's row
            page = replaced(page, section, f"{head(rows)}\n\n{plain(rows)}")
        path.write_text(page, "utf-8")
        put_beside()

    def _is_of_another(self, old: Row) -> bool:
        """Whether a row is of the same scenarios behind another gateway."""
        return old.title.endswith(BEHIND_KOURIER) is not bool(self._behind)


def put_beside() -> None:
    """Puts what the sandbox's page says now beside every row of kind's page."""
    page, sandbox = KIND_PAGE.read_text("utf-8"), PAGE.read_text("utf-8")
    for section in re.findall(MARK.format(section="(.+)", edge="begin"), page):
        rows = noted_in(page, section)
        if rows:
            said = page.partition(MARK.format(section=section, edge="begin"))[2].strip().partition("\n")[0]
            page = replaced(page, section, f"{said}\n\n{beside(rows, known(sandbox, section))}")
    KIND_PAGE.write_text(page, "utf-8")


def section_of(nodeid: str) -> str:
    """The section of a scenario: the file that it stands in."""
    return Path(nodeid.partition("::")[0]).stem.removeprefix("test_")


def head(rows: Sequence[Row]) -> str:
    """What a table says of all its rows."""
    failed = sum(one.outcome == "failed" for one in rows)
    return f"{len(rows)} scenarios, {failed} failed; {datetime.now(UTC):%Y-%m-%d}."


def merged(rows: Sequence[Row], newer: Sequence[Row]) -> list[Row]:
    """The rows, each in the place of an older one of its title; those that are new at the end."""
    found = {one.title: one for one in rows}
    return list((found | {one.title: one for one in newer}).values())


def noted_in(page: str, section: str) -> list[Row]:
    """The rows of a section of either page, as they were seen on the provider that the page is about."""
    text = page.partition(MARK.format(section=section, edge="begin"))[2]
    text = text.partition(MARK.format(section=section, edge="end"))[0]
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == BESIDE:
            cells = [cells[0], *cells[4:7], cells[8]]
        if len(cells) == PLAIN and cells[2].isdigit():
            found.append(Row(cells[0], cells[1], float(cells[2]), cells[3], cells[4]))
    return found


def row(nodeid: str, outcome: str, seconds: float, properties: Iterable[tuple[str, object]]) -> Row:
    """What is told of one scenario."""
    name = re.sub(r"^.*::(test_)?", "", nodeid)
    words, _, parameters = name.partition("[")
    title = words.replace("_", " ") + (f" ({parameters.rstrip(']')})" if parameters else "")
    failed = ", ".join(str(value) for key, value in properties if key == FAILED_REQUESTS)
    seen = (f"{key.replace('_', ' ')} {value}" for key, value in properties if key != FAILED_REQUESTS)
    return Row(title, outcome, seconds, failed, ", ".join(seen))


def plain(rows: Sequence[Row]) -> str:
    """The table of one provider."""
    head = ["| scenario | result | seconds | failed requests | seen |", "| --- | --- | ---: | --- | --- |"]
    return "\n".join([*head, *(one.line for one in rows)])


def beside(rows: Sequence[Row], sandbox: dict[str, Row]) -> str:
    """The table of kind, with what the sandbox showed in the same scenario."""
    head = [
        "| scenario | sandbox | s | failed requests | kind | s | failed requests | seen on sandbox | seen on kind |",
        "| --- | --- | ---: | --- | --- | ---: | --- | --- | --- |",
    ]
    lines = []
    for one in rows:
        other = sandbox.get(one.title)
        there = other.result if other else "not run |  | "
        lines.append(f"| {one.title} | {there} | {one.result} | {other.seen if other else ''} | {one.seen} |")
    return "\n".join([*head, *lines])


def known(page: str, section: str) -> dict[str, Row]:
    """The rows of a section by title; two files may have scenarios of one title."""
    return {one.title: one for one in noted_in(page, section)}


def replaced(page: str, section: str, text: str) -> str:
    """The page with what stands between the section's marks replaced; ``ValueError`` without the marks."""
    begin, end = (MARK.format(section=section, edge=edge) for edge in ("begin", "end"))
    if page.count(begin) != 1 or page.count(end) != 1:
        message = f"the page has no section {section}"
        raise ValueError(message)
    head, _, rest = page.partition(begin)
    return f"{head}{begin}\n{text}\n{end}{rest.partition(end)[2]}"


if __name__ == "__main__":
    put_beside()
