from __future__ import annotations

import io
import time

from rich.console import Console

from e2e.demo.screen import LiveScreen, PlainScreen, picture, screen_for
from e2e.demo.snapshot import Slo, Snapshot
from e2e.load.answer import Answer
from e2e.load.live import Counts, LiveCounts

SLO = Slo(
    "availability",
    "Insufficient",
    (1, 20),
    (0, 380),
    {"e1": "0.5", "e2": "1.25", "e3": "-1", "e4": "0.8"},
    "2",
    "1.3",
)
SEEN = Snapshot("Progressing", "CollectingEvidence", "collecting", "1", "2", 5, 5, 1, 3, "fraud-b-1", (SLO,))


def console() -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=140), out


def test_plain_lines_come_on_change_only() -> None:
    screen, out = console()
    plain = PlainScreen(screen)
    plain.show(SEEN, None)
    plain.show(SEEN, None)
    lines = out.getvalue().splitlines()
    assert len(lines) == 1
    assert "breach evidence: 3.1 to 1 (100 to 1 is proof)" in lines[0]
    plain.show(Snapshot("Stable", stable="2"), None)
    assert len(out.getvalue().splitlines()) == 2


def test_plain_lines_show_both_arms() -> None:
    live = LiveCounts()
    before = int(time.time()) - 1
    for version, status in (("1", 200), ("2", 500)):
        live.add(Answer(before, 0.1, status, version))
    screen, out = console()
    PlainScreen(screen).show(SEEN, live)
    assert "version 1 95 %" in out.getvalue()
    assert "100.0 % errors" in out.getvalue()


def test_the_picture_shows_weights_evidence_and_the_sentence() -> None:
    screen, out = console()
    screen.print(picture(SEEN, {"1": Counts(100, 0), "2": Counts(5, 1)}))
    text = out.getvalue()
    for words in (
        "Progressing",
        "step 1 of 3",
        "95 %",
        "20.0 %",
        "1/20 0/380",
        "3.1 to 1 of 100 to 1",
        "38 %",
        "collecting",
    ):
        assert words in text


def test_the_live_screen_survives_a_status_that_is_not_there_yet() -> None:
    screen, out = console()
    with LiveScreen(screen) as live:
        live.say("hello")
        live.show(Snapshot(), None)
    assert "hello" in out.getvalue()


def test_a_file_gets_plain_lines() -> None:
    assert isinstance(screen_for(console()[0]), PlainScreen)
