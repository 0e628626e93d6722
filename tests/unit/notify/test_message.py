"""A message answers, in this order: safe now, must I act, who was hurt, why, what changed, where to look."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serin.errors import InvalidInput
from serin.notify.emergency import BY_REASON
from serin.notify.message import Writer
from serin.rollout.notifications import kinds
from serin.schema.notification_kinds import NotificationKind
from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from tests.clock import START
from tests.unit.notify.receivers.notes import FIGURES, delivery

Kind = NotificationKind
WHY = "availability: candidate 23 failed of 412 (5.58%), stable 37 failed of 7704 (0.48%)"


SINCE = START - timedelta(minutes=20)
AT = f"{SINCE:%H:%M:%S} UTC" if SINCE.date() == START.date() else f"{SINCE:%Y-%m-%d %H:%M:%S} UTC"
AND_THEN = f"availability); nothing is known since {AT}"
UNTIL = f"{START - timedelta(seconds=8):%H:%M:%S} UTC"


def test_a_rollback_from_beginning_to_end() -> None:
    written = Writer("eu", {"dashboard": "https://graphs/?m=$name"}).write(delivery())
    assert written.title == "eu prod/fraud: version 42 was taken back: SLOBreached"
    assert written.text.splitlines() == [
        "Safe now? Yes: version 41 serves 100 %.",
        "Must I act? No: version 42 is refused until there is a new revision, or somebody's Retry.",
        f"Who was hurt? Version 42: 412 requests counted until {UNTIL}, 23 of them bad (5.58%, availability).",
        f"Why? {WHY}. That is 11.6 times stable's share.",
        "What changed? version 41 → 42; fields: spec.model.uri; PromotionRecord fraud-7c9f2a1b-1.",
        "Whose is it? team fraud, #fraud-on-call",
        "Runbook: docs/runbooks/SerinRolledBack.md",
        "Dashboard: https://graphs/?m=fraud",
    ]


@pytest.mark.parametrize(
    ("kind", "changes", "safe", "act"),
    [
        (Kind.PROMOTED, {"phase": Phase.STABLE}, "Yes: version 42 serves 100 %.", "No."),
        (
            Kind.ROLLED_BACK,
            {"reason": Reason.EVICTED},
            "Yes: version 41 serves 100 %.",
            "No: it is tried again by itself.",
        ),
        (
            Kind.ROLLING_BACK,
            {},
            "In a moment: version 42 had 25 %; version 41 serves 100 % as soon as the gateway has taken it.",
            "No.",
        ),
        (
            Kind.NEEDS_PERSON_NOW,
            {"reason": Reason.NO_RECEIVER, "weight": 25},
            "No: version 41 has no ready endpoint, and gets 75 % of the requests; version 42 gets 25 %.",
            "Yes, now: bring the pods of version 41 back, or put a revision that works into spec.",
        ),
        (
            Kind.NEEDS_PERSON_NOW,
            {"reason": Reason.STABLE_NOT_READY, "phase": Phase.STABLE, "candidate": ""},
            "No: version 41 has no ready endpoint, and gets 100 % of the requests.",
            "Yes, now: bring the pods of version 41 back; the runbook has the commands that tell why they are not.",
        ),
        (
            Kind.NEEDS_PERSON_NOW,
            {"reason": Reason.NO_DATA, "phase": Phase.PROGRESSING, "weight": 25},
            "Not known: version 42 gets 25 %, and nobody sees how it does; version 41 serves 75 %.",
            "Yes, now: bring its numbers back, or take it back (Abort) if that takes longer.",
        ),
        (
            Kind.NEEDS_PERSON_NOW,
            {"reason": Reason.SLO_BREACHED, "phase": Phase.ROLLING_BACK, "weight": 25},
            "No: version 42 is to be taken back, and still gets 25 %; version 41 serves 75 %.",
            "Yes, now: give version 42 no traffic by hand (the runbook has the command), or mend what is named below.",
        ),
        (
            Kind.NEEDS_PERSON_NOW,
            {"reason": Reason.COMMON_CAUSE, "phase": Phase.PROGRESSING, "weight": 25},
            "No: version 42 gets 25 %, version 41 75 %, and both break the objective.",
            "Yes, now: mend what both need (a database, the network, the node); a rollback would not help.",
        ),
        (
            Kind.NEEDS_PERSON,
            {"weight": 25},
            "Yes: version 42 serves 25 %, version 41 75 %; the candidate is watched.",
            "Yes, by day: nothing proceeds without a person.",
        ),
        (
            Kind.NEEDS_PERSON,
            {"stable": ""},
            "Nothing serves yet, and nothing is lost.",
            "Yes, by day: nothing proceeds without a person.",
        ),
        (
            Kind.NEEDS_PERSON,
            {"weight": 25, "unknown_since": SINCE},
            f"Not known: version 42 serves 25 %, version 41 75 %; nobody has seen how the candidate does since {AT}.",
            "Yes, by day: nothing proceeds without a person.",
        ),
        (
            Kind.WARNING,
            {"weight": 25, "phase": Phase.ROLLING_BACK},
            "Not yet: version 42 serves 25 %, version 41 75 %; the candidate is being taken back.",
            "Not yet.",
        ),
        (Kind.RESUMED, {}, "Yes: version 41 serves 100 %.", "No."),
        (Kind.WAITING_FOR_APPROVAL, {}, "Yes: version 41 serves 100 %.", "Only whoever approves."),
    ],
)
def test_the_first_two_answers(kind: NotificationKind, changes: dict[str, Any], safe: str, act: str) -> None:
    lines = Writer().write(delivery(kind, **changes)).text.splitlines()
    assert lines[:2] == [f"Safe now? {safe}", f"Must I act? {act}"]


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_a_title_and_no_empty_line(kind: NotificationKind) -> None:
    written = Writer().write(delivery(kind, slos=[], changed=[], record="", exposed_at=None, message=""))
    assert "$" not in written.title + written.text
    assert all(written.text.splitlines())


@pytest.mark.parametrize(
    ("changes", "title", "page"),
    [
        (
            {"reason": Reason.NO_RECEIVER, "weight": 25},
            "version 42 cannot be taken back: NoReceiver",
            "SerinRollbackStuck",
        ),
        (
            {"reason": Reason.SLO_BREACHED, "phase": Phase.ROLLING_BACK, "weight": 25},
            "the rollback of version 42 is stuck: 25 % still on it",
            "SerinRollbackStuck",
        ),
        (
            {"reason": Reason.NO_DATA_TOO_LONG, "phase": Phase.ROLLING_BACK, "weight": 25},
            "the rollback of version 42 is stuck: 25 % still on it",
            "SerinRollbackStuck",
        ),
        ({"reason": Reason.STABLE_DOWN}, "version 41 has no ready endpoint: StableDown", "SerinStableDown"),
        (
            {"reason": Reason.METRICS_UNAVAILABLE, "phase": Phase.PROGRESSING, "weight": 25},
            "nobody sees how version 42 does: MetricsUnavailable",
            "SerinAnalysisBlind",
        ),
        (
            {"reason": Reason.REVISION_REJECTED, "phase": Phase.ROLLED_BACK, "candidate": ""},
            "version 41 has no ready endpoint: RevisionRejected",
            "SerinStableDown",
        ),
        (
            {"reason": Reason.SPEC_INVALID, "phase": Phase.STABLE, "candidate": "", "down_since": START},
            "version 41 has no ready endpoint: SpecInvalid",
            "SerinStableDown",
        ),
        ({"reason": Reason.COMMON_CAUSE}, "versions 41 and 42 both break the objective", "SerinStalled"),
        (
            {"reason": Reason.OBSERVATION_INCOMPLETE, "weight": 25},
            "what tells how version 42 does cannot be read: ObservationIncomplete",
            "SerinStalled",
        ),
        (
            {"reason": Reason.STABLE_DOWN, "phase": Phase.ROLLING_BACK, "weight": 100},
            "version 42 is to be taken back, and version 41 has no ready endpoint",
            "SerinStableDown",
        ),
        ({"reason": Reason.SPEC_INVALID}, "SpecInvalid", "SerinStalled"),
    ],
)
def test_a_person_who_is_needed_at_once_reads_what_is_wrong_and_finds_its_page(
    changes: dict[str, Any], title: str, page: str
) -> None:
    written = Writer(links={"runbooks": "https://pages/"}).write(delivery(Kind.NEEDS_PERSON_NOW, **changes))
    assert written.title == f"prod/fraud: ACT NOW: {title}"
    assert f"Runbook: https://pages/{page}.md" in written.text


def test_each_reason_for_which_a_person_is_needed_at_once_has_words_of_its_own() -> None:
    assert set(BY_REASON) >= kinds.CLIENTS_HURT | kinds.BLIND


def test_a_template_is_text_with_names_and_nothing_else() -> None:
    writer = Writer(templates={"RolledBack": "$title | $by | $$5 | ${reason}\n\n$safe", "default": "$kind"})
    assert writer.write(delivery(by="$name {x}")).text.splitlines() == [
        "prod/fraud: version 42 was taken back: SLOBreached | $name {x} | $5 | SLOBreached",
        "Safe now? Yes: version 41 serves 100 %.",
    ]
    assert writer.write(delivery(Kind.PROMOTED)).text == "Promoted"
    with pytest.raises(InvalidInput, match=r"templates.default: \$kind.__class__|does not exist|begins no name"):
        Writer(templates={"default": "$kinds"})


def test_no_secret_and_no_control_character_is_told() -> None:
    words = "pull: https://user:hush@registry/x failed\x1b[31m; Authorization: Bearer abcdefghijklmnopqrstuvwxyz"
    written = Writer().write(delivery(message=words))
    assert "hush" not in written.text
    assert "abcdefghijklmnop" not in written.text
    assert "\x1b" not in written.text


def test_what_a_link_is_made_of_is_escaped() -> None:
    link = Writer(links={"record": "https://x/$candidate"}).write(delivery(candidate="a/b?c=d e")).links["Record"]
    assert link == "https://x/a%2Fb%3Fc%3Dd%20e"


def test_a_text_has_a_bound() -> None:
    assert len(Writer(templates={"default": "$message" * 500}).write(delivery()).text) <= 4000


DOWN: dict[str, Any] = {"reason": Reason.STABLE_NOT_READY, "phase": Phase.STABLE, "candidate": "", "slos": []}


@pytest.mark.parametrize(
    ("kind", "changes", "line"),
    [
        (
            Kind.ROLLED_BACK,
            {"unknown_since": SINCE, "counted_until": SINCE},
            f"Who was hurt? Version 42: 412 requests counted until {AT}, 23 of them bad (5.58%, {AND_THEN}.",
        ),
        (
            Kind.ROLLED_BACK,
            {"unknown_since": SINCE, "slos": [FIGURES.model_copy(update={"bad": 0, "total": 0})]},
            f"Who was hurt? Not known: version 42 answered no counted request; nothing is known since {AT}.",
        ),
        (
            Kind.NEEDS_PERSON_NOW,
            DOWN | {"down_since": SINCE},
            f"Who was hurt? All requests since {AT}; they are not counted.",
        ),
        (
            Kind.NEEDS_PERSON_NOW,
            DOWN | {"down_since": SINCE, "reason": Reason.NO_RECEIVER, "weight": 25, "candidate": "42"},
            f"Who was hurt? 75 % of the requests since {AT}; they are not counted.",
        ),
        (
            Kind.NEEDS_PERSON_NOW,
            DOWN | {"down_since": SINCE, "last_rollout_at": SINCE},
            f"What changed? No rollout since {AT}.",
        ),
        (Kind.NEEDS_PERSON, {"contact": ""}, "Whose is it? No contact is set (annotation serin.dev/contact)."),
    ],
)
def test_what_is_told_of_who_was_hurt_and_of_whom_to_ask(
    kind: NotificationKind, changes: dict[str, Any], line: str
) -> None:
    assert line in Writer().write(delivery(kind, **changes)).text.splitlines()


def test_nobody_is_named_where_there_is_only_news() -> None:
    assert "Whose is it?" not in Writer().write(delivery(Kind.PROMOTED)).text


@pytest.mark.parametrize("field", ["message", "contact", "by"])
@pytest.mark.parametrize("end", ["\n", "\u2028", "\u2029", "\x85", "\x0b"])
def test_words_of_others_begin_no_line_of_their_own(field: str, end: str) -> None:
    said = f"x{end}Must I act? No.{end}Runbook: https://elsewhere"
    written = Writer().write(delivery(Kind.NEEDS_PERSON, **{field: said}, changed=[f"spec.predictor.{said}"]))
    answers = [line.partition("? ")[0] for line in written.text.splitlines()]
    assert answers.count("Must I act") == 1
    assert not [line for line in written.text.splitlines() if line.startswith("Runbook: https://elsewhere")]
