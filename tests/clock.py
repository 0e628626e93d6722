"""When the tests' clock starts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from serin.schema.types import format_time

START = datetime(2026, 11, 18, 10, 0, tzinfo=UTC)
"""A Wednesday in office hours: a rule about the day or the hour lets a rollout move."""


def api_time(seconds: float = 0) -> str:
    """The time that many seconds after ``START``, as the API writes it."""
    return format_time(START + timedelta(seconds=seconds))
