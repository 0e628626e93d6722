"""Lays text out for a terminal: tables that fit its width, wrapped paragraphs, colour where it is wanted."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime

from serin.schema.printable import printable

NARROWEST, NO_TERMINAL, WIDEST_PARAGRAPH = 40, 200, 120
"""Columns; a file or a pipe has no width, and a line of it is not cut."""
GAP = "  "
COLOURS = {"good": "32", "bad": "31", "wait": "33", "dim": "2", "bold": "1"}
GOOD = frozenset(("Stable", "Promoted", "Accepted", "Pass", "Open", "yes"))
BAD = frozenset(("RolledBack", "RollingBack", "Aborted", "Refused", "Fail", "Error", "no"))
WAITING = frozenset(("Waiting", "Preparing", "Shadowing", "Progressing", "Promoting", "Baking", "Hold", "Insufficient"))
UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
SHOWN_UNITS = 2
_PART: ContextVar[int | None] = ContextVar("columns of a part of a screen", default=None)


@contextlib.contextmanager
def within(columns: int) -> Iterator[None]:
    """Lays out for a part of a screen that is so wide, with the codes of colours, whatever stdout is."""
    token = _PART.set(max(1, columns))
    try:
        yield
    finally:
        _PART.reset(token)


def is_terminal() -> bool:
    """Whether somebody looks at the output."""
    return sys.stdout.isatty()


def width() -> int:
    """Columns to fill."""
    part = _PART.get()
    if part is not None:
        return part
    if not is_terminal() and not os.environ.get("COLUMNS"):
        return NO_TERMINAL
    return max(NARROWEST, shutil.get_terminal_size((80, 24)).columns)


def coloured() -> bool:
    """Whether to colour: on a terminal, unless NO_COLOR is set (no-color.org); of a part of a screen others decide."""
    if _PART.get() is not None:
        return True
    return is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str) -> str:
    """The text in a colour of ``COLOURS``, where colours are wanted."""
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if coloured() and text.strip() else text


def painted(word: str, padded: str) -> str:
    """A cell in the colour of its word."""
    colour = "good" if word in GOOD else "bad" if word in BAD else "wait" if word in WAITING else ""
    return paint(padded, colour) if colour else padded


def columns_of(text: str) -> int:
    """How many columns a text takes: characters of East Asia take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def cut(text: str, most: int) -> str:
    """The text in one line of at most ``most`` columns."""
    line = printable(text)
    if columns_of(line) <= most:
        return line
    while line and columns_of(line) > most - 1:
        line = line[:-1]
    return f"{line.rstrip()}…"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, least: int = 12) -> Iterator[str]:
    """The lines of a table. Its last column takes what is left and is cut; where little is left, others are cut too.

    Nothing else of a row is lost on 80 columns unless its names are longer than those.
    """
    lines = [list(heads), *[[printable(cell) for cell in row] for row in rows]]
    widths = [max(columns_of(line[index]) for line in lines) for index in range(len(heads))]
    room = width() - len(GAP) * (len(heads) - 1)
    while sum(widths[:-1]) > room - min(least, widths[-1]) and max(widths[:-1]) > 8:  # noqa: PLR2004 - a short word
        widths[widths.index(max(widths[:-1]))] -= 1
    widths[-1] = max(least, room - sum(widths[:-1]))
    for number, line in enumerate(lines):
        cells = [cut(cell, size) for cell, size in zip(line, widths, strict=True)]
        padded = [cell + " " * (size - columns_of(cell)) for cell, size in zip(cells, widths, strict=True)]
        padded[-1] = cells[-1]
        shown = [paint(cell, "bold") for cell in padded] if not number else list(map(painted, cells, padded))
        yield GAP.join(shown).rstrip()


def paragraph(text: str, *, label: str = "", indent: int = 0) -> Iterator[str]:
    """Lines of a text behind a label, none longer than the terminal is wide."""
    head = label.ljust(indent)
    lines = list(wrapped(printable(text), max(20, min(width(), WIDEST_PARAGRAPH) - indent)))
    for number, line in enumerate(lines or [""]):
        yield (paint(head, "dim") if not number else " " * indent) + line


def wrapped(text: str, most: int) -> Iterator[str]:
    """Lines of at most ``most`` columns; ``textwrap`` counts characters, and those of East Asia take two columns."""
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if columns_of(longer) <= most:
            line = longer
            continue
        if line:
            yield line
        line = word
        while columns_of(line) > most:
            fits = next(n for n in range(len(line), 0, -1) if columns_of(line[:n]) <= most)
            yield line[:fits]
            line = line[fits:]
    if line:
        yield line


def time_of(text: str | None) -> datetime | None:
    """The time that the API wrote; None if it is none."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except (TypeError, ValueError):
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found


def lasting(seconds: float) -> str:
    """A length of time, in its two largest units: ``2h 5min``."""
    left, parts = max(0, round(seconds)), list[str]()
    for unit, size in UNITS:
        if left >= size and len(parts) < SHOWN_UNITS:
            parts.append(f"{left // size}{unit}")
            left %= size
        elif parts:
            break
    return " ".join(parts) or "0s"


def ago(text: str | None, now: datetime) -> str:
    """How long ago a time was; ``-`` if there is none."""
    at = time_of(text)
    return "-" if at is None else lasting((now - at).total_seconds())


def moment(text: str | None, now: datetime) -> str:
    """A time in UTC with how far it is away: ``2026-11-22 03:10:00Z (in 5min)``."""
    at = time_of(text)
    if at is None:
        return "-"
    seconds = (at - now).total_seconds()
    away = f"in {lasting(seconds)}" if seconds >= 1 else f"{lasting(-seconds)} ago"
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z ({away})"


def share(bad: int, total: int) -> str:
    """Bad events of all, with their share."""
    return f"{bad} of {total}" + (f" ({bad / total:.2%})" if total else "")
