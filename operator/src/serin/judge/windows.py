"""How are windows written down, and read back? One short text per block, the same bytes everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from serin.api.evidence import Counts, Window


def encode(windows: Iterable[Window]) -> str:
    """Windows as the record stores them: ``bad/total,bad/total`` or ``-``, separated by blanks."""
    return " ".join(
        f"{w.candidate.bad}/{w.candidate.total},{_arm(w.stable)}" if w.candidate and not w.error else "-"
        for w in windows
    )


def decode(text: str, *, start: datetime, length: timedelta) -> list[Window]:
    """The windows of one stored block; ``ValueError`` if the text is not one."""
    return [_window(part, start.astimezone(UTC) + index * length, length) for index, part in enumerate(text.split())]


def _arm(counts: Counts | None) -> str:
    return f"{counts.bad}/{counts.total}" if counts else "-"


def _window(part: str, start: datetime, length: timedelta) -> Window:
    if part == "-":
        return Window(start, length, None)
    candidate, stable = part.split(",")
    return Window(start, length, _counts(candidate), None if stable == "-" else _counts(stable))


def _counts(text: str) -> Counts:
    bad, total = text.split("/")
    return Counts(int(bad), int(total))
