"""The windows that are read together, and how far before its start a window looks at samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

LEAST_LOOKBACK = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Grid:
    """Windows of equal length, back to back."""

    start: datetime
    length: timedelta
    count: int

    @property
    def starts(self) -> Iterator[datetime]:
        """Start of each window."""
        return (self.start + index * self.length for index in range(self.count))

    @property
    def end(self) -> datetime:
        """End of the last window."""
        return self.start + self.count * self.length

    @property
    def first_sample(self) -> datetime:
        """The earliest sample that any of the windows looks at."""
        return self.start - lookback(self.length)


def lookback(length: timedelta) -> timedelta:
    """How far before a window samples are looked at: four scrapes of 15 s, or four windows."""
    return max(LEAST_LOOKBACK, 4 * length)
