"""How long Serin waits before it puts the same thing back again: somebody whose tool writes it, too, is not fought.

How often it did so stands in the mark of the template, and when in ``managedFields``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from serin.api import names
from serin.api.managed_fields import last_write
from serin.traffic.knative.template import REPAIRED, RESIZED, mark_of
from serin.traffic.knative.writes import Move

FIRST_PAUSE = timedelta(seconds=2)
"""Before the second time; it doubles with each one."""
LONGEST_PAUSE = timedelta(minutes=5)
CALM = timedelta(minutes=10)
"""What has stayed for so long counts as the first time again."""
ENDS = {Move.REPAIR: REPAIRED, Move.RESIZE: RESIZED}
COUNTED = re.compile(r"\.(\d{1,6})(\.[a-z]+)$")


def times(mark: str, end: str) -> int:
    """How often in a row the template was written for the reason that the end of its mark tells."""
    if not mark.endswith(end):
        return 0
    found = COUNTED.search(mark)
    return int(found[1]) if found is not None else 1


def pause(number: int) -> timedelta:
    """The pause after so many times."""
    return min(FIRST_PAUSE * 2 ** min(number - 1, 20), LONGEST_PAUSE) if number > 0 else timedelta(0)


def words(mark: str, end: str) -> str:
    """How often it was put back, if that was more than once; empty otherwise."""
    number = times(mark, end)
    if number <= 1:
        return ""
    seconds = int(pause(number).total_seconds())
    return f" {seconds} s after the last time (put back {number} times in a row: stop what writes it)"


def not_before(actual: Mapping[str, Any], move: Move) -> datetime | None:
    """When it may be written again; None if at once."""
    number = times(mark_of(actual), ENDS[move]) if move in ENDS else 0
    last = _last(actual)
    return last + pause(number) if number and last is not None else None


def next_end(actual: Mapping[str, Any], move: Move, now: datetime | None) -> str:
    """The end of the mark of what is written now, with the number of times in a row."""
    number, last = times(mark_of(actual), ENDS[move]), _last(actual)
    calm = last is not None and now is not None and now - last >= CALM
    return f".{1 if calm else number + 1}{ENDS[move]}"


def _last(actual: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(last_write(actual, names.MANAGER))
    except ValueError:
        return None
