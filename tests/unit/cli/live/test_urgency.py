"""Who has to look how soon: the order of a list, and what it says is to be done."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from serin.cli.following.course import Seen
from serin.cli.following.entries import Entry, entry_of
from serin.cli.following.records import Found
from serin.cli.following.traces import Trace
from serin.cli.live import screens
from serin.cli.live.endings import ENDINGS
from serin.cli.live.explaining import explained
from serin.cli.live.reading import details_of, wait_of
from serin.cli.page.fleet import Asked, fleet
from serin.cli.page.markup import html, tag
from serin.cli.page.rollout import rollout
from serin.schema.reasons import Reason

NOW = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)
AT = "2026-11-29T07:30:21Z"
STABLE = {"version": "7.3", "revision": "a" * 8}
TRIAL: dict[str, Any] = {
    "candidate": {"version": "7.4", "revision": "b" * 8},
    "weights": {"desired": 25, "applied": 25},
    "rollout": {"record": "x-1", "startedAt": AT, "wakeAt": "2026-11-29T09:29:00Z"},
}


def deployment(name: str, phase: str, reason: str, *, stalled: bool = False, **status: Any) -> dict[str, Any]:
    condition = {"type": "Stalled", "status": str(stalled), "reason": reason, "message": "m", "lastTransitionTime": AT}
    found = {"phase": phase, "reason": reason, "message": "so", "stable": STABLE, "conditions": [condition], **status}
    return {"metadata": {"namespace": "ns", "name": name}, "status": found}


DOWN = deployment("ranking", "Stable", "StableNotReady", stalled=True, stableDownSince=AT)
BLIND = deployment("triage", "Progressing", "NoData", stalled=True, **TRIAL)
STUCK = deployment("score", "RollingBack", "SLOBreached", stalled=True, **TRIAL)
HELD = deployment("held", "Progressing", "Held", **TRIAL)
BROKEN = deployment("broken", "Stable", "PolicyMissing", stalled=True)
REJECTED = deployment("fraud", "RolledBack", "RevisionRejected", stalled=True)
TRIED = deployment("tried", "Progressing", "CollectingEvidence", **TRIAL)
WELL = deployment("a-well", "Stable", "Serving")


@pytest.mark.parametrize(
    ("obj", "urgency", "person"),
    [
        (DOWN, "Hurt", True),
        (deployment("x", "RolledBack", "RevisionRejected", stalled=True, stableDownSince=AT), "Hurt", True),
        (deployment("x", "Progressing", "CommonCause", stalled=True, **TRIAL), "Hurt", True),
        (BLIND, "BlindOrStuck", True),
        (STUCK, "BlindOrStuck", True),
        (deployment("x", "Progressing", "NoData", **TRIAL), "None", False),
        (HELD, "Person", True),
        (BROKEN, "Person", True),
        (REJECTED, "Owner", False),
        (TRIED, "None", False),
        (WELL, "None", False),
        (deployment("x", "Hovering", "WordOfANewerVersion", weights="many"), "None", False),
    ],
)
def test_how_soon(obj: dict[str, Any], urgency: str, person: bool) -> None:  # noqa: FBT001 - a column of the table
    wait = wait_of(obj)
    assert (wait.urgency, wait.needs_a_person) == (urgency, person)


def test_a_list_has_the_most_urgent_first() -> None:
    objects = [WELL, REJECTED, TRIED, BROKEN, HELD, BLIND, STUCK, DOWN]
    found: list[Entry] = sorted(map(entry_of, objects), key=lambda entry: entry.order)
    assert [entry.row.name for entry in found] == [
        "ranking", "score", "triage", "broken", "held", "fraud", "tried", "a-well",
    ]  # fmt: skip


def test_the_page_calls_down_what_is_down_and_nobody_for_what_its_owner_decides() -> None:
    text = html(tag("main", fleet([DOWN, REJECTED], Asked(), NOW, known=True)))
    assert text.count("needs somebody") == 1
    assert "DOWN" in text
    assert "Needs somebody <b>1</b>" in text
    assert "owner chooses" in text
    own = html(tag("main", rollout(sight_of(REJECTED), NOW)))
    assert "Nobody has to act tonight" in own
    assert "Somebody has to act." not in own
    dead = html(tag("main", rollout(sight_of(DOWN), NOW)))
    assert "DOWN" in dead
    assert "answers none" in dead
    assert "No contact" not in dead
    assert "no contact is set (annotation serin.dev/contact)" in dead


def sight_of(obj: dict[str, Any]) -> Seen:
    return Seen(details_of(obj), Found(None), Found([]), Trace("x-1"))


def test_the_screen_and_the_words_say_that_nothing_is_answered_and_whom_to_ask() -> None:
    obj = {**DOWN, "metadata": {**DOWN["metadata"], "annotations": {"serin.dev/contact": "#search-on-call"}}}
    screen = " ".join(" ".join(screens.screen(details_of(obj), NOW)).split())
    assert "DOWN (Stable)" in screen
    assert "100 % of the traffic, and answers none" in screen
    assert "contact #search-on-call" in screen
    words = explained(obj, None, NOW, of_record=False)
    assert words.sentences[0] == (
        "Version 7.3 is stable and gets 100 % of the traffic, and answers none: it has no ready endpoint."
    )
    assert words.sentences[-1] == "Whom to ask: #search-on-call."
    assert "promote" not in " ".join(words.what_to_do)


def test_no_deadline_says_that_a_person_will_be_asked_for_who_is_asked_for_already() -> None:
    assert wait_of(BLIND).until is None
    assert wait_of(TRIED).until == "2026-11-29T09:29:00Z"


@pytest.mark.parametrize("reason", [Reason.STABLE_NOT_READY, Reason.NO_RECEIVER, Reason.SERVING])
def test_what_has_no_candidate_offers_no_promotion(reason: Reason) -> None:
    assert "promote" not in ENDINGS[reason]
