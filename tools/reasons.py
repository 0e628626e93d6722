"""Writes the table of reasons into ``docs/operations/events.md``, from ``serin.schema.reasons``.

``python -m tools.reasons`` writes the table between its two marks; a test compares it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from serin.schema.reasons import Reason

PAGE = Path("docs/operations/events.md")
BEGIN, END = "<!-- reasons: begin -->", "<!-- reasons: end -->"


def table() -> str:
    """Returns the table of all reasons in Markdown, in the order of the code."""
    rows = [
        f"| `{reason.value}` | {reason.sentence} | {'Warning' if reason.effect.warning else 'Normal'} | "
        f"{'refused' if reason.effect.rejects else ''} |"
        for reason in Reason
    ]
    return "\n".join(
        ["| reason | what it says | Event | the revision afterwards |", "| --- | --- | --- | --- |", *rows]
    )


def with_table(page: str) -> str:
    """Returns the page with the present table between the marks; ``ValueError`` without marks."""
    before, _, rest = page.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        message = f"no {BEGIN} … {END} in the page"
        raise ValueError(message)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> int:
    """Writes the table; returns the exit code."""
    PAGE.write_text(with_table(PAGE.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
