"""What the scenarios showed becomes a table in docs/reliability.md (`pytest -p e2e.scenarios.reliability`)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
MARK = "<!-- {section}: {edge} -->"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The section of the page that this run replaces."""
    parser.addoption("--write-to", default="", help="Section of docs/reliability.md that this run replaces.")


def pytest_configure(config: pytest.Config) -> None:
    """Only with the option there is anything to note."""
    section = config.getoption("--write-to")
    if section:
        config.pluginmanager.register(Notes(section), "serin-reliability")


class Notes:
    """One row per scenario that ran."""

    def __init__(self, section: str) -> None:
        self._section = section
        self._rows: list[str] = []
        self._failed = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes the scenario's outcome, and a failure of what is around it."""
        if report.when != "call" and report.passed:
            return
        self._failed += report.failed
        self._rows.append(row(report.nodeid, report.outcome, report.duration, report.user_properties))

    def pytest_sessionfinish(self) -> None:
        """Puts the table into the page."""
        now = datetime.now(UTC)
        head = f"{len(self._rows)} scenarios, {self._failed} failed; {now:%Y-%m-%d}."
        table = "\n".join(["| scenario | result | seconds | seen |", "| --- | --- | ---: | --- |", *self._rows])
        PAGE.write_text(replaced(PAGE.read_text("utf-8"), self._section, f"{head}\n\n{table}"), "utf-8")


def row(nodeid: str, outcome: str, seconds: float, properties: Iterable[tuple[str, object]]) -> str:
    """One line of the table."""
    name = re.sub(r"^.*::(test_)?", "", nodeid)
    words, _, parameters = name.partition("[")
    title = words.replace("_", " ") + (f" ({parameters.rstrip(']')})" if parameters else "")
    seen = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in properties)
    return f"| {title} | {outcome} | {seconds:.0f} | {seen} |"


def replaced(page: str, section: str, text: str) -> str:
    """The page with what stands between the section's marks replaced; ``ValueError`` without the marks."""
    begin, end = (MARK.format(section=section, edge=edge) for edge in ("begin", "end"))
    if page.count(begin) != 1 or page.count(end) != 1:
        message = f"the page has no section {section}"
        raise ValueError(message)
    head, _, rest = page.partition(begin)
    return f"{head}{begin}\n{text}\n{end}{rest.partition(end)[2]}"
