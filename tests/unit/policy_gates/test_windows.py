"""Windows by the clock on the wall, against a reference that walks minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from serin.policy_gates.answer import Asked, GateState
from serin.policy_gates.windows import Window, Windows
from serin.schema.reasons import Reason

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
MADRID = "Europe/Madrid"
WEEKEND = {"cron": "0 18 * * FRI", "for": "62h", "timezone": MADRID}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def windows(**fields: Any) -> Windows:
    return Windows.model_validate(fields)


def asked(now: datetime, **fields: Any) -> Asked:
    return Asked(now=now, since=now, **fields)


CASES = [
    # A weekend as it is written: from Friday 18:00 to Monday 8:00, in winter, …
    (WEEKEND, "2026-11-20 16:59", False),
    (WEEKEND, "2026-11-20 17:00", True),
    (WEEKEND, "2026-11-23 06:59", True),
    (WEEKEND, "2026-11-23 07:00", False),
    # … over the night with 23 hours (2027-03-28, 2:00 becomes 3:00) and the one with 25 (2026-10-25).
    (WEEKEND, "2027-03-29 05:59", True),
    (WEEKEND, "2027-03-29 06:00", False),
    (WEEKEND, "2026-10-26 06:59", True),
    (WEEKEND, "2026-10-26 07:00", False),
    # The clock shows 2:00 to 3:00 twice: both times it is the window's time.
    ({"cron": "0 2 * * *", "for": "1h", "timezone": MADRID}, "2026-10-25 00:30", True),
    ({"cron": "0 2 * * *", "for": "1h", "timezone": MADRID}, "2026-10-25 01:30", True),
    ({"cron": "0 2 * * *", "for": "1h", "timezone": MADRID}, "2026-10-25 02:00", False),
    # It never shows 2:30, so a window within that hour does not come; one that lasts longer does.
    ({"cron": "15 2 * * *", "for": "30m", "timezone": MADRID}, "2027-03-28 01:00", False),
    ({"cron": "30 2 * * *", "for": "2h", "timezone": MADRID}, "2027-03-28 00:59", False),
    ({"cron": "30 2 * * *", "for": "2h", "timezone": MADRID}, "2027-03-28 01:00", True),
    # A clock that is put back by half an hour.
    ({"cron": "45 1 * * *", "for": "10m", "timezone": "Australia/Lord_Howe"}, "2027-04-03 15:20", True),
    # The year's end.
    ({"cron": "0 0 20 12 *", "for": "360h"}, "2026-12-31 23:59:59", True),
    ({"cron": "0 0 20 12 *", "for": "360h"}, "2027-01-03 23:59", True),
    ({"cron": "0 0 20 12 *", "for": "360h"}, "2027-01-04 00:00", False),
    ({"cron": "0 0 29 2 *", "for": "24h"}, "2028-02-29 12:00", True),
    ({"cron": "0 0 29 2 *", "for": "24h"}, "2027-03-01 00:00", False),
]


@pytest.mark.parametrize(("window", "at", "inside"), CASES)
def test_a_window_is_in_force_by_the_clock_on_the_wall(window: dict[str, str], at: str, *, inside: bool) -> None:
    assert Window.model_validate(window).covers(utc(at)) is inside
    assert windows(deny=[window]).open_at(utc(at)) is not inside
    assert windows(allow=[window]).open_at(utc(at)) is inside


OPENINGS = [
    ({"deny": [WEEKEND]}, "2026-11-20 17:00", "2026-11-23 07:00"),
    ({"deny": [WEEKEND]}, "2027-03-27 12:00", "2027-03-29 06:00"),
    ({"deny": [WEEKEND]}, "2026-10-24 12:00", "2026-10-26 07:00"),
    # Deny wins over allow.
    ({"allow": [{"cron": "0 9 * * MON-FRI", "for": "8h"}], "deny": [{"cron": "0 0 * * MON", "for": "24h"}]},
     "2026-11-21 12:00", "2026-11-24 09:00"),
    # The hour that comes twice, seen from between.
    ({"allow": [{"cron": "0 2 * * *", "for": "30m", "timezone": MADRID}]}, "2026-10-25 00:45", "2026-10-25 01:00"),
    # The hour that does not come.
    ({"allow": [{"cron": "30 2 * * *", "for": "2h", "timezone": MADRID}]}, "2027-03-27 12:00", "2027-03-28 01:00"),
    ({"allow": [{"cron": "15 2 * * *", "for": "30m", "timezone": MADRID}]}, "2027-03-27 12:00", "2027-03-29 00:15"),
    ({"allow": [{"cron": "0 0 1 1 *", "for": "24h"}]}, "2027-01-02 12:00", "2028-01-01 00:00"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "now", "opening"), OPENINGS)
def test_a_hold_says_when_it_ends(fields: dict[str, Any], now: str, opening: str) -> None:
    answer = windows(**fields).answer(asked(utc(now)))
    assert (answer.state, answer.reason, answer.stalled) == (GateState.WAITING, Reason.OUTSIDE_WINDOW, False)
    assert answer.until == answer.look_at == utc(opening)
    assert opening.replace(" ", "T") in answer.message


def test_the_message_names_the_window() -> None:
    words = windows(deny=[WEEKEND]).answer(asked(utc("2026-11-21 12:00"))).message
    assert words == "denied by 0 18 * * FRI for 62h (Europe/Madrid); it opens at 2026-11-23T07:00:00Z"
    words = windows(allow=[WEEKEND]).answer(asked(utc("2026-11-18 12:00"))).message
    assert words == "not within any window of allow; it opens at 2026-11-20T17:00:00Z"


def test_without_windows_it_is_open() -> None:
    assert windows().answer(asked(utc("2026-11-21 12:00"))).is_open


def test_an_opening_that_is_known_is_not_looked_for_again() -> None:
    known = utc("2026-11-21 13:00")
    assert windows(deny=[WEEKEND]).answer(asked(utc("2026-11-21 12:00"), until=known)).until == known
    past = asked(utc("2026-11-21 12:00"), until=utc("2026-11-21 12:00"))
    assert windows(deny=[WEEKEND]).answer(past).until == utc("2026-11-23 07:00")


BAD = [
    ({"cron": "0 0 30 2 *", "for": "1h"}, "cron: '0 0 30 2 *' is no cron expression: Bad day-of-month"),
    ({"cron": "* * */20 * 1L", "for": "1m"}, "cron: '* * */20 * 1L' never fires"),
    ({"cron": "61 0 * * *", "for": "1h"}, "Bad minute"),
    ({"cron": "0 0 * * FUN", "for": "1h"}, "Bad day-of-week"),
    ({"cron": "0 0 0 * * *", "for": "1h"}, "give five fields"),
    ({"cron": "every day", "for": "1h"}, "give five fields"),
    ({"cron": "0 0 * * MON#1/2", "for": "1h"}, "is no cron expression"),
    ({"cron": "0 0 * * *", "for": "25h"}, "for: 25h is longer than the 24h from one start of '0 0 * * *'"),
    ({"cron": "* * * * *", "for": "2m"}, "overlaps itself"),
    ({"cron": "0 0 1 * *", "for": "700h"}, "for: 700h is longer than the 672h"),
    ({"cron": "0 0 * * *", "for": "1h", "timezone": "Europe/Madird"}, "timezone: Europe/Madird is no zone"),
    ({"cron": "0 0 * * *", "for": "1h", "timezone": "Europe"}, "timezone: Europe is no zone"),
    ({"cron": "0 0 * * *", "for": "24h"}, ""),
]


@pytest.mark.parametrize(("window", "words"), BAD)
def test_a_window_that_cannot_be_meant_is_a_problem_in_words(window: dict[str, str], words: str) -> None:
    problem = windows(allow=[window]).problem
    assert (problem is None) is (words == "")
    assert words in (problem or "")
    if words:
        assert problem is not None
        assert problem.startswith("allow[0].")
        for listed in ("allow", "deny"):  # of a rollout that is under way: it holds, and says so
            answer = windows(**{listed: [window]}).answer(asked(utc("2026-11-21 12:00")))
            assert (answer.state, answer.stalled) == (GateState.WAITING, True)


def test_windows_that_leave_no_moment_are_a_problem() -> None:
    always = {"cron": "0 0 * * *", "for": "24h"}
    assert windows(deny=[always]).problem == (
        "deny: with these windows nothing could move forward for more than a year; leave a time for it"
    )
    assert "allow: with these windows nothing" in str(windows(allow=[{"cron": "0 0 29 2 *", "for": "1h"}]).problem)
    weekdays = [{"cron": "0 0 * * SUN", "for": "144h"}, {"cron": "0 0 * * SAT", "for": "24h"}]
    assert "nothing could move" in str(windows(deny=weekdays).problem)
    assert windows(deny=weekdays[:1]).problem is None
    answer = windows(deny=[always]).answer(asked(utc("2026-11-21 12:00")))
    assert (answer.until, answer.stalled) == (None, True)


@pytest.mark.parametrize(
    "fields",
    [
        {"cron": "0 0 * * *", "for": "30s"},
        {"cron": "0 0 * * *", "for": "745h"},
        {"cron": "0 0 * * *", "for": "1h", "timezone": "../etc/passwd"},
        {"cron": "0 0 * * *", "for": "1h", "timezone": "/UTC"},
        {"cron": "0" * 101, "for": "1h"},
    ],
)
def test_what_the_schema_refuses(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Window.model_validate(fields)


# --- against a reference ---------------------------------------------------------------------------------------------

DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
ZONES = ["UTC", MADRID, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago"]
NIGHTS = [
    "2026-10-24",
    "2027-03-27",
    "2026-10-31",
    "2027-03-13",
    "2027-04-03",
    "2026-12-31",
    "2028-02-28",
    "2027-09-04",
]


def field(text: str, low: int, high: int) -> set[int]:
    """The values of one field of a cron expression: lists, ranges and steps of numbers."""
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = ("", "", "") if span == "*" else span.partition("-")
        begin = low if span == "*" else int(first)
        end = high if span == "*" or (step and not last) else int(last or first)
        found |= set(range(begin, end + 1, int(step or 1)))
    return found


class Reference:
    """Every minute that the clock could show, and whether a window covers it."""

    def __init__(self, given: dict[str, str], begin: datetime, end: datetime) -> None:
        self.zone, self.lasts = ZoneInfo(given["timezone"]), Window.model_validate(given).for_ // MINUTE
        minute, hour, day, month, weekday = given["cron"].split()
        for index, name in enumerate(DAYS):
            weekday = weekday.replace(name, str(index))
        self.minutes, self.hours, self.months = field(minute, 0, 59), field(hour, 0, 23), field(month, 1, 12)
        self.days, self.weekdays = field(day, 1, 31), {value % 7 for value in field(weekday, 0, 7)}
        self.both = day.startswith("*") or weekday.startswith("*")
        self.covered: set[datetime] = set()
        wall, left = begin.replace(tzinfo=None, second=0) - self.lasts * MINUTE - DAY, 0
        while wall < end.replace(tzinfo=None) + DAY:
            left = self.lasts if self._starts(wall) else left - 1
            if left > 0:
                self.covered.add(wall)
            wall += MINUTE

    def _starts(self, wall: datetime) -> bool:
        if wall.minute not in self.minutes or wall.hour not in self.hours or wall.month not in self.months:
            return False
        days = (wall.day in self.days, wall.isoweekday() % 7 in self.weekdays)
        return all(days) if self.both else any(days)

    def covers(self, at: datetime) -> bool:
        return at.astimezone(self.zone).replace(tzinfo=None) in self.covered


MINUTES = st.sampled_from(["0", "30", "15,45", "*/20", "59"])
HOURS = st.sampled_from(["0", "1", "2", "3", "23", "*/6", "1-3", "2,14", "*"])
CRONS = st.one_of(
    st.builds("{} {} * * *".format, MINUTES, HOURS),
    st.builds("{} {} * * {}".format, MINUTES, HOURS, st.sampled_from(["SUN", "FRI", "0,6", "MON-FRI", "SAT"])),
    st.builds("{} {} {} * *".format, MINUTES, HOURS, st.sampled_from(["1", "28", "29", "31", "*/2"])),
    st.builds("{} {} 1 {} MON".format, MINUTES, HOURS, st.sampled_from(["1", "3", "10,11", "*"])),
)


@st.composite
def drawn(draw: st.DrawFn) -> dict[str, str]:
    cron = draw(CRONS)
    lasts = draw(st.sampled_from(["10m", "20m", "30m", "1h", "3h", "14h", "62h"]))
    return {"cron": cron, "for": lasts, "timezone": draw(st.sampled_from(ZONES))}


@given(
    allow=st.lists(drawn(), max_size=2),
    deny=st.lists(drawn(), max_size=2),
    night=st.sampled_from(NIGHTS),
    minute=st.integers(0, 48 * 60 - 1),
    seconds=st.integers(0, 59),
)
@settings(max_examples=25, phases=[Phase.reuse, Phase.generate])  # shrinking would take minutes
def test_windows_are_those_of_the_reference(
    allow: list[dict[str, str]], deny: list[dict[str, str]], night: str, minute: int, seconds: int
) -> None:
    allow, deny = ([w for w in listed if Window.model_validate(w).problem is None] for listed in (allow, deny))
    now, days = utc(f"{night} 00:00") + minute * MINUTE + timedelta(seconds=seconds), 3 * DAY
    rule = windows(allow=allow, deny=deny)
    allowed, denied = ([Reference(w, now, now + days) for w in listed] for listed in (allow, deny))

    def is_open(at: datetime) -> bool:
        at = at.replace(second=0)
        return not any(r.covers(at) for r in denied) and (not allowed or any(r.covers(at) for r in allowed))

    assert rule.open_at(now) is is_open(now)
    if is_open(now):
        return
    at = now.replace(second=0) + MINUTE
    while at < now + days and not is_open(at):
        at += MINUTE
    opening = rule.next_opening(now)
    if at < now + days:
        assert opening == at
    else:
        assert opening is None or opening >= at
