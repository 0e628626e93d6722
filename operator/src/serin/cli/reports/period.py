"""The period of a review: ``--since 7d``, ``--until`` a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from serin.errors import InvalidInput

LENGTH = re.compile(r"(?:(\d{1,3})w)?(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?")
LONGEST = timedelta(days=3660)


def period(since: str, until: str | None, now: datetime) -> tuple[datetime, datetime]:
    """From when to when; ``since`` is a length before the end, or a time. ``InvalidInput``."""
    end = time_in(until, "--until") if until is not None else now
    match = LENGTH.fullmatch(since)
    if match is not None and any(match.groups()):
        weeks, days, hours, minutes = (int(group or 0) for group in match.groups())
        length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)
        if not timedelta() < length <= LONGEST:
            raise InvalidInput(f"--since {since}: expected more than nothing, and at most ten years")
        try:
            return end - length, end
        except OverflowError:
            raise InvalidInput(f"--until {until}: nothing is so long ago") from None
    begin = time_in(since, "--since")
    if begin >= end:
        raise InvalidInput(f"--since {since}: it is not before the end of the period")
    return begin, end


def time_in(text: str, option: str) -> datetime:
    """A time as RFC 3339 or a day, without a zone in UTC; ``InvalidInput``."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{option} {text}: expected a length such as 7d, 36h or 2w, or a time such as 2026-11-22T08:00:00Z"
        ) from None
