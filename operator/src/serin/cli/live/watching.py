"""``serin watch``: a screen that follows one ModelDeployment, or lines where nobody looks at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from serin.cli.live.reading import details_of
from serin.cli.live.screens import screen, weight_of
from serin.cli.live.session import Session
from serin.cli.live.views import Details
from serin.cli.shell.layout import cut, is_terminal, width

CLEAR = "\x1b[H\x1b[2J"


def watched(session: Session, name: str, until: datetime | None) -> Iterator[Details | None]:
    """The ModelDeployment each time that what a person sees has changed; None, at the end, once it is gone."""
    session.deployment(name)
    last: Details | None = None
    for obj in session.changes(name, until):
        if obj is None:
            yield None
            return
        found = details_of(obj)
        if found != last:
            last = found
            yield found


def line_of(found: Details, now: datetime) -> str:
    """A change in one line, the same fields in the same order."""
    row = found.row
    words = [
        f"{now.astimezone(UTC):%H:%M:%S}Z",
        row.phase,
        f"stable={row.stable or '-'}",
        f"candidate={row.candidate or '-'}",
        f"weight={weight_of(row)}",
        row.reason or "-",
        row.message,
    ]
    return cut("  ".join(words), max(width(), 400))


def draw(found: Details, now: datetime) -> None:
    """Clears the terminal and draws the screen."""
    sys.stdout.write(CLEAR + "\n".join(screen(found, now)) + f"\n\n{now.astimezone(UTC):%H:%M:%S}Z; Ctrl-C ends this\n")
    sys.stdout.flush()


def full_screen() -> bool:
    """Whether to draw a screen."""
    return is_terminal()
