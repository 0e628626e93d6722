"""Numbers, times and shares as reports write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from serin.schema.odds import odds
from serin.schema.types import format_duration

NOTHING = "–"


def lasting(seconds: float | None) -> str:
    """A length of time, such as ``1h5m`` or ``3s500ms``; from an hour on without fractions of a second."""
    if seconds is None:
        return NOTHING
    whole = seconds if abs(seconds) < 3600 else round(seconds)  # noqa: PLR2004 - an hour
    sign = "-" if seconds < 0 else ""
    return f"{sign}{format_duration(timedelta(seconds=abs(whole)))}"


def moment(at: datetime | None) -> str:
    """A time in UTC, to the second, or finer where it is."""
    if at is None:
        return NOTHING
    there = at.astimezone(UTC)
    fine = f".{there.microsecond // 1000:03}" if there.microsecond else ""
    return f"{there:%Y-%m-%d %H:%M:%S}{fine}Z"


def of_all(bad: int, total: int) -> str:
    """Bad ones of all, with their share."""
    return f"{bad} of {total}" + (f" ({100 * bad / total:.2f} %)" if total else "")


def in_odds(log10: float | None) -> str:
    """Evidence as odds."""
    return NOTHING if log10 is None else odds(log10)


def or_nothing(text: str | None) -> str:
    """The text, or a dash where there is none."""
    return text or NOTHING
