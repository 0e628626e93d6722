"""What the scenarios showed becomes a table in docs/reliability.md (`pytest -p e2e.scenarios.reliability`)."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
MARK = "<!-- {section}: {edge} -->"


def pytest_configure(config: pytest.Config) -> None:
    """Notes what runs; with a selection by name nothing is noted, for it would be half of a table."""
    if not config.getoption("keyword"):
        config.pluginmanager.register(Notes(), "serin-reliability")


class Notes:
    """One row per scenario that ran, in a table per file."""

    def __init__(self) -> None:
        self._tables: dict[str, list[str]] = {}
        self._failed: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes the scenario's outcome, and a failure of what is around it."""
        if report.when != "call" and report.passed:
            return
        section = Path(report.nodeid.partition("::")[0]).stem.removeprefix("test_")
        self._failed[section] += report.failed
        line = row(report.nodeid, report.outcome, report.duration, report.user_properties)
        self._tables.setdefault(section, []).append(line)

    def pytest_sessionfinish(self) -> None:
        """Puts the tables into the page."""
        page, now = PAGE.read_text("utf-8"), datetime.now(UTC)
        for section, rows in self._tables.items():
            head = f"{len(rows)} scenarios, {self._failed[section]} failed; {now:%Y-%m-%d}."
            table = "\n".join(["| scenario | result | seconds | seen |", "| --- | --- | ---: | --- |", *rows])
            page = replaced(page, section, f"{head}\n\n{table}")
        PAGE.write_text(page, "utf-8")


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
