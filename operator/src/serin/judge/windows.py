"""How are windows written down, and read back? One short text per block, the same bytes everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from serin.api.evidence import Counts, Window

NOT_READ = "the window could not be read when it was over"


def settle_time(window: timedelta) -> timedelta:
    """How long after a window's end its samples may still arrive."""
    return min(timedelta(seconds=5), max(timedelta(seconds=1), window / 3))


def encode(windows: Iterable[Window]) -> str:
    """Windows as the record stores them: candidate and stable as ``bad/total,bad/total``, separated by blanks.

    ``-`` stands for an arm without data, alone for a window without any, ``!`` for a candidate that could not be read;
    a ladder follows as further ``/count``.
    """
    return " ".join(_window_text(w) for w in windows)


def decode(text: str, *, start: datetime, length: timedelta) -> list[Window]:
    """The windows of one stored block; ``ValueError`` if the text is not one."""
    return [_window(part, start.astimezone(UTC) + index * length, length) for index, part in enumerate(text.split())]


def _window_text(window: Window) -> str:
    candidate = "!" if window.error else _arm(window.candidate)
    return candidate if window.candidate is None and window.stable is None else f"{candidate},{_arm(window.stable)}"


def _arm(counts: Counts | None) -> str:
    return "/".join(map(str, (counts.bad, counts.total, *counts.ladder))) if counts else "-"


def _window(part: str, start: datetime, length: timedelta) -> Window:
    candidate, _, stable = part.partition(",")
    if candidate == "!":
        return Window(start, length, None, _counts(stable or "-"), error=NOT_READ)
    return Window(start, length, _counts(candidate), _counts(stable or "-"))


def _counts(text: str) -> Counts | None:
    if text == "-":
        return None
    bad, total, *ladder = map(int, text.split("/"))
    return Counts(bad, total, tuple(ladder))
