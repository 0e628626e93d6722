"""What the scenarios showed becomes tables in docs/ (`pytest -p e2e.scenarios.reliability`).

On the sandbox: docs/reliability.md, a table per file of scenarios. On kind: docs/reliability-kind.md, one table that
puts each scenario beside what the sandbox showed.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE, KIND_PAGE = DOCS / "reliability.md", DOCS / "reliability-kind.md"
MARK = "<!-- {section}: {edge} -->"


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one scenario."""

    title: str
    outcome: str
    seconds: float
    seen: str

    @property
    def line(self) -> str:
        """As a line of a table."""
        return f"| {self.title} | {self.outcome} | {self.seconds:.0f} | {self.seen} |"


def pytest_configure(config: pytest.Config) -> None:
    """Notes what runs; with a selection by name nothing is noted, for it would be half of a table."""
    if not config.getoption("keyword"):
        kind = config.getoption("--provider", default="sandbox") == "kind"
        config.pluginmanager.register(Notes(on_kind=kind), "serin-reliability")


class Notes:
    """One row per scenario that ran, by the file that it stands in."""

    def __init__(self, *, on_kind: bool = False) -> None:
        self._on_kind = on_kind
        self._tables: dict[str, list[Row]] = {}
        self._failed: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes the scenario's outcome, and a failure of what is around it."""
        if report.when != "call" and report.passed:
            return
        section = Path(report.nodeid.partition("::")[0]).stem.removeprefix("test_")
        self._failed[section] += report.failed
        properties = list(report.user_properties)
        if report.skipped and isinstance(report.longrepr, tuple):
            properties.append(("because", report.longrepr[2].removeprefix("Skipped: ")))
        noted = row(report.nodeid, report.outcome, report.duration, properties)
        self._tables.setdefault(section, []).append(noted)

    def pytest_sessionfinish(self) -> None:
        """Puts the tables into the page."""
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        page = (KIND_PAGE if self._on_kind else PAGE).read_text("utf-8")
        for section, rows in self._tables.items():
            head = f"{len(rows)} scenarios, {self._failed[section]} failed; {today}."
            table = beside(rows, known(PAGE.read_text("utf-8"))) if self._on_kind else plain(rows)
            page = replaced(page, section, f"{head}\n\n{table}")
        (KIND_PAGE if self._on_kind else PAGE).write_text(page, "utf-8")


def row(nodeid: str, outcome: str, seconds: float, properties: Iterable[tuple[str, object]]) -> Row:
    """What is told of one scenario."""
    name = re.sub(r"^.*::(test_)?", "", nodeid)
    words, _, parameters = name.partition("[")
    title = words.replace("_", " ") + (f" ({parameters.rstrip(']')})" if parameters else "")
    return Row(title, outcome, seconds, ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in properties))


def plain(rows: Sequence[Row]) -> str:
    """The table of one provider."""
    head = ["| scenario | result | seconds | seen |", "| --- | --- | ---: | --- |"]
    return "\n".join([*head, *(one.line for one in rows)])


def beside(rows: Sequence[Row], sandbox: dict[str, Row]) -> str:
    """The table of kind, with what the sandbox showed in the same scenario."""
    head = [
        "| scenario | sandbox | s | kind | s | seen on the sandbox | seen on kind |",
        "| --- | --- | ---: | --- | ---: | --- | --- |",
    ]
    lines = []
    for one in rows:
        other = sandbox.get(one.title)
        there = f"{other.outcome} | {other.seconds:.0f}" if other else "not run | "
        here = f"{one.outcome} | {one.seconds:.0f}"
        lines.append(f"| {one.title} | {there} | {here} | {other.seen if other else ''} | {one.seen} |")
    return "\n".join([*head, *lines])


def known(page: str) -> dict[str, Row]:
    """The rows of a page that :func:`plain` wrote, by title."""
    found = {}
    for title, outcome, seconds, seen in re.findall(r"(?m)^\| (.+?) \| (\w+) \| (\d+) \| (.*?) ?\|$", page):
        found[title] = Row(title, outcome, float(seconds), seen)
    return found


def replaced(page: str, section: str, text: str) -> str:
    """The page with what stands between the section's marks replaced; ``ValueError`` without the marks."""
    begin, end = (MARK.format(section=section, edge=edge) for edge in ("begin", "end"))
    if page.count(begin) != 1 or page.count(end) != 1:
        message = f"the page has no section {section}"
        raise ValueError(message)
    head, _, rest = page.partition(begin)
    return f"{head}{begin}\n{text}\n{end}{rest.partition(end)[2]}"
