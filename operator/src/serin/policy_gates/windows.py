"""The windows of a policy: when rollouts may move forward, by the clock on the wall of a time zone.

A window begins when the clock shows a time of its cron expression, and lasts until the clock shows a time that is
``for`` later. So Friday 18:00 for 62h ends on Monday at 8:00, also over a night with 23 or 25 hours; an hour that the
clock shows twice belongs to the window twice, and one that it never shows does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from serin.policy_gates.answer import Answer, Asked, GateState
from serin.policy_gates.cron import LONGEST_CRON, cron_problem, last_start, next_start
from serin.policy_gates.kind import GateKind
from serin.schema.reasons import Reason
from serin.schema.types import ApiModel, Duration, format_duration, format_time, validations

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=31)
BOUNDED = "for is at least 1m and at most 744h (31 days)"
HORIZON = timedelta(days=400)
"""How far ahead an opening is looked for: a window of every year is within."""
MOST_CHANGES = 1000
"""Beginnings and ends of windows that are looked at for it."""
SEARCHED_FROM = datetime(2027, 1, 1, tzinfo=UTC)
"""Where the search for a policy's first opening begins: a problem of a policy does not depend on today's date."""
LONGEST_SHIFT = timedelta(hours=26)
"""No clock was ever put forward or back by more."""
SECOND = timedelta(seconds=1)
ZONE = r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$"


class Window(ApiModel):
    """A time that comes again and again."""

    cron: Annotated[str, Field(min_length=9, max_length=LONGEST_CRON)]
    """When it begins: minute, hour, day of the month, month, day of the week."""
    for_: Annotated[Duration, Field(alias="for")]
    """How long it lasts, by the clock on the wall."""
    timezone: Annotated[str, Field(max_length=64, pattern=ZONE)] = "UTC"
    """An IANA zone, such as Europe/Madrid."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            ("duration(self.for) >= duration('1m') && duration(self.for) <= duration('744h')", BOUNDED)
        )
    }

    @model_validator(mode="after")
    def _bounded(self) -> Window:
        if not SHORTEST <= self.for_ <= LONGEST:
            raise ValueError(BOUNDED)
        return self

    @property
    def problem(self) -> str | None:
        """Why it cannot be used, with the field; None if it can."""
        if _zone(self.timezone) is None:
            return f"timezone: {self.timezone} is no zone of the IANA database; write e.g. Europe/Madrid"
        return cron_problem(self.cron, self.for_)

    def wall(self, at: datetime) -> datetime:
        """What the clock shows at an instant, without a zone."""
        zone = _zone(self.timezone) or UTC
        return at.astimezone(zone).replace(tzinfo=None, fold=0)

    def covers(self, at: datetime) -> bool:
        """Whether it is in force."""
        wall = self.wall(at)
        start = last_start(self.cron, wall)
        return start is not None and wall < start + self.for_

    def changes(self, at: datetime) -> Iterator[datetime]:
        """Instants after ``at``, the next change among them."""
        wall, zone = self.wall(at), _zone(self.timezone) or UTC
        start, following = last_start(self.cron, wall), next_start(self.cron, wall)
        ends = [start + self.for_] if start is not None and wall < start + self.for_ else []
        for shown in [*ends, *([following] if following is not None else [])]:
            for fold in (0, 1):
                instant = shown.replace(tzinfo=zone, fold=fold).astimezone(UTC)
                if instant > at:
                    yield instant
        shift = _next_shift(zone, at) if isinstance(zone, ZoneInfo) else None
        if shift is not None:
            yield shift

    def __str__(self) -> str:
        """As a message names it."""
        return f"{self.cron} for {format_duration(self.for_)} ({self.timezone})"


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # unknown, no name of a zone, or the name of a folder of zones
        return None


def _next_shift(zone: ZoneInfo, at: datetime) -> datetime | None:
    """The first whole second with another offset than at ``at``, if there is one soon."""
    early, late = at, at + LONGEST_SHIFT
    offset = at.astimezone(zone).utcoffset()
    if late.astimezone(zone).utcoffset() == offset:
        return None
    while late - early > SECOND:
        middle = early + timedelta(seconds=(late - early) // SECOND // 2)
        early, late = (middle, late) if middle.astimezone(zone).utcoffset() == offset else (early, middle)
    return late


Listed = Annotated[list[Window], Field(max_length=16)]


class Windows(GateKind):
    """When rollouts may start and move forward. Rollbacks, holds and aborts go on at all times."""

    kind: ClassVar[str] = "windows"

    allow: Listed = []
    """Only within one of these; empty: at all times."""
    deny: Listed = []
    """Within none of these, whatever ``allow`` says."""

    @property
    def problem(self) -> str | None:
        """The first window that cannot be used, or windows that leave no moment."""
        for name, listed in (("allow", self.allow), ("deny", self.deny)):
            for index, window in enumerate(listed):
                if window.problem is not None:
                    return f"{name}[{index}].{window.problem}"
        if not _ever_opens(tuple(self.allow), tuple(self.deny)):
            name = "deny" if self.deny else "allow"
            return f"{name}: with these windows nothing could move forward for more than a year; leave a time for it"
        return None

    def open_at(self, at: datetime) -> bool:
        """Whether rollouts may move forward at an instant; never with a window that cannot be used."""
        return not _keeping_shut(tuple(self.allow), tuple(self.deny), at)

    def next_opening(self, after: datetime) -> datetime | None:
        """The first instant after ``after`` at which rollouts may move forward; None if there is none for a year."""
        return _next_opening(tuple(self.allow), tuple(self.deny), after)

    def answer(self, asked: Asked) -> Answer:
        """Open outside of every window of ``deny`` and inside one of ``allow``."""
        broken = next((w for w in (*self.allow, *self.deny) if w.problem is not None), None)
        if broken is not None:
            message = f"window {broken} cannot be used: {broken.problem}"
            return Answer(GateState.WAITING, message, Reason.OUTSIDE_WINDOW, stalled=True)
        if self.open_at(asked.now):
            return Answer(GateState.OPEN, "within the policy's windows", Reason.OUTSIDE_WINDOW)
        denied = next((window for window in self.deny if window.covers(asked.now)), None)
        why = f"denied by {denied}" if denied is not None else "not within any window of allow"
        known = asked.until if asked.until is not None and asked.until > asked.now else None
        opening = known or self.next_opening(asked.now)
        if opening is None:
            message = (
                f"{why}, and there is no opening for more than a year: change the policy's windows, and begin anew"
            )
            return Answer(GateState.WAITING, message, Reason.OUTSIDE_WINDOW, stalled=True)
        message = f"{why}; it opens at {format_time(opening)}"
        return Answer(GateState.WAITING, message, Reason.OUTSIDE_WINDOW, until=opening, look_at=opening)


def _keeping_shut(allow: tuple[Window, ...], deny: tuple[Window, ...], at: datetime) -> tuple[Window, ...]:
    """The windows of which one has to change before anything moves forward; empty if it may."""
    denied = next((window for window in deny if window.covers(at)), None)
    if denied is not None:
        return (denied,)
    return () if not allow or any(window.covers(at) for window in allow) else allow


@lru_cache(maxsize=256)
def _ever_opens(allow: tuple[Window, ...], deny: tuple[Window, ...]) -> bool:
    return not _keeping_shut(allow, deny, SEARCHED_FROM) or _next_opening(allow, deny, SEARCHED_FROM) is not None


def _next_opening(allow: tuple[Window, ...], deny: tuple[Window, ...], after: datetime) -> datetime | None:
    """Looks at each instant at which what keeps it shut may change; in between nothing does."""
    at = after
    for _ in range(MOST_CHANGES):
        shut_by = _keeping_shut(allow, deny, at)
        if not shut_by:
            return at
        changes = [change for window in shut_by for change in window.changes(at)]
        if not changes or min(changes) > after + HORIZON:
            return None
        at = min(changes)
    return None
