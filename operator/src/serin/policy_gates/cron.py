"""Cron expressions on a clock without a zone. The only module that knows the library that reads them."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise, takewhile

from cronsim import CronSim, CronSimError

from serin.schema.types import format_duration

LONGEST_CRON = 100
FIELDS = 5
SEARCHED_FROM = datetime(2027, 1, 1)  # noqa: DTZ001 - a clock on a wall
"""Where a first start is looked for: a problem of an expression does not depend on today's date."""
SEARCHED_FOR = timedelta(days=9 * 366)
"""A leap day comes within this time, also around the year 2100."""
COMPARED_STARTS = 400
"""More than a year of daily starts."""
SECOND = timedelta(seconds=1)


def next_start(cron: str, wall: datetime) -> datetime | None:
    """The first start after what the clock shows; None without one in the next 50 years, or if it is no cron."""
    return _one(cron, wall.replace(microsecond=0), reverse=False)


def last_start(cron: str, wall: datetime) -> datetime | None:
    """The last start at or before what the clock shows; None without one in the last 50 years."""
    return _one(cron, wall.replace(microsecond=0) + SECOND, reverse=True)


def _one(cron: str, wall: datetime, *, reverse: bool) -> datetime | None:
    if len(cron.split()) != FIELDS:
        return None
    try:
        return next(CronSim(cron, wall, reverse=reverse), None)
    except (CronSimError, ValueError, AssertionError):
        return None


@lru_cache(maxsize=256)
def cron_problem(cron: str, lasts: timedelta) -> str | None:
    """Why a window with this start and duration cannot be used, with the field; None if it can."""
    if len(cron.split()) != FIELDS:
        return "cron: give five fields: minute, hour, day of the month, month, day of the week"
    try:
        starts = CronSim(cron, SEARCHED_FROM)
    except (CronSimError, ValueError, AssertionError) as error:
        return f"cron: {cron!r} is no cron expression: {str(error) or 'it cannot be read'}"
    soon = takewhile(lambda at: at <= SEARCHED_FROM + SEARCHED_FOR, starts)
    known = list(islice(soon, COMPARED_STARTS))
    if not known:
        return f"cron: {cron!r} never fires"
    shortest = min((later - earlier for earlier, later in pairwise(known)), default=lasts)
    if lasts > shortest:
        return (
            f"for: {format_duration(lasts)} is longer than the {format_duration(shortest)} from one start of {cron!r} "
            f"to the next, so that it overlaps itself; shorten it, or write one start for all of it"
        )
    return None
