"""The ladder of a latency: further boundaries of its histogram, at which the arms are compared, too."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from serin.schema.types import FineDuration

MOST_RUNGS = 8
LADDER_RISES = "ladder has boundaries other than the threshold, each longer than the one before"
_OTHER = "self.ladder.all(a, duration(a) > duration('0s') && duration(a) != duration(self.threshold))"
_RISING = "self.ladder.map(a, duration(a)).isSorted()"
_ONCE = "self.ladder.all(a, self.ladder.exists_one(b, duration(b) == duration(a)))"
LADDER_RULES = ((f"!has(self.ladder) || ({_OTHER} && {_RISING} && {_ONCE})", LADDER_RISES),)
Ladder = Annotated[list[FineDuration], Field(max_length=MOST_RUNGS)]
"""Each must be a bucket boundary; one that is not is left out, with all others, and the threshold alone is judged."""


def check_ladder(ladder: list[timedelta], threshold: timedelta) -> None:
    """``ValueError`` unless its boundaries rise and none is the threshold."""
    if threshold in ladder or any(b <= a for a, b in pairwise([timedelta(), *ladder])):
        raise ValueError(LADDER_RISES)
