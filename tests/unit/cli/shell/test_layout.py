"""Tables and paragraphs fit the width that there is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from serin.cli.shell import layout

NOW = datetime(2026, 11, 18, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 300])
@pytest.mark.parametrize("text", ["", "x" * 500, "数据" * 200, "e\u0301" * 100, "\x1b[31mred\u202e", "a b\nc"])
def test_no_line_is_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch, width: int, text: str) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = [*layout.table(["NAME", "PHASE", "MESSAGE"], [["a" * 60, "Stable", text]]), *layout.paragraph(text)]
    assert max(layout.columns_of(line) for line in lines) <= width
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.6, "1min"), (61, "1min 1s"), (3600, "1h"), (90061, "1d 1h"), (-5, "0s")],
)
def test_lengths_of_time_have_two_units(seconds: float, text: str) -> None:
    assert layout.lasting(seconds) == text


@pytest.mark.parametrize(
    ("at", "text"),
    [
        ("2026-11-18T10:05:00Z", "2026-11-18 10:05:00Z (in 5min)"),
        ("2026-11-18T09:59:00Z", "2026-11-18 09:59:00Z (1min ago)"),
        ("soon", "-"),
        (None, "-"),
    ],
)
def test_moments_say_how_far_away_they_are(at: str | None, text: str) -> None:
    assert layout.moment(at, NOW) == text


def test_colour_needs_a_terminal_and_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(layout, "is_terminal", lambda: True)
    assert layout.painted("Stable", "Stable ") == "\x1b[32mStable \x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert layout.painted("Stable", "Stable ") == "Stable "
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setattr(layout, "is_terminal", lambda: False)
    assert layout.painted("Stable", "Stable ") == "Stable "
