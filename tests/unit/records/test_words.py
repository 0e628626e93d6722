"""What people said about a rollout, as its record gives it back to a status that was lost."""

from __future__ import annotations

import pytest

from serin.api.people import AdvancedStep, AnsweredAction, Held
from serin.api.promotion_action import ActionKind, ActionOutcome
from serin.api.promotion_record import TimelineEntry
from serin.records.words import Words, words_of
from serin.schema.reasons import Reason
from tests.clock import START
from tests.world import SECOND, policy

REFUSED = ActionOutcome.REFUSED


def said(kind: str, number: int, outcome: ActionOutcome = ActionOutcome.ACCEPTED) -> AnsweredAction:
    return AnsweredAction(
        name=f"{kind}-{number}".lower(),
        uid=str(number),
        action=ActionKind(kind),
        by="ana",
        reason="why",
        outcome=outcome,
        message="m",
        at=START + number * SECOND,
    )


def held(kind: str, number: int) -> Held:
    return Held(by="ana", at=START + number * SECOND, action=f"{kind}-{number}".lower(), reason="why")


@pytest.mark.parametrize(
    ("actions", "words"),
    [
        ([], Words()),
        ([said("Hold", 1)], Words(held=held("Hold", 1))),
        ([said("Hold", 1), said("Hold", 2)], Words(held=held("Hold", 1))),
        ([said("Hold", 1), said("Release", 2)], Words()),
        ([said("Hold", 1), said("Release", 2), said("Hold", 3)], Words(held=held("Hold", 3))),
        ([said("Hold", 1), said("Release", 2, REFUSED), said("Hold", 3, REFUSED)], Words(held=held("Hold", 1))),
        ([said("Hold", 1), said("Promote", 2)], Words(promote=held("Promote", 2))),
        ([said("Promote", 1), said("Hold", 2)], Words(held=held("Hold", 2), promote=held("Promote", 1))),
        ([said("Promote", 1), said("Promote", 2)], Words(promote=held("Promote", 2))),
        ([said("Promote", 1, REFUSED), said("Approve", 2)], Words()),
    ],
)
def test_the_words_in_force_are_those_that_no_later_one_has_ended(actions: list[AnsweredAction], words: Words) -> None:
    assert words_of(actions, (), policy()) == words


@pytest.mark.parametrize(
    ("second", "step"),
    [(0, 0), (3, 0), (4, 1), (8, 1), (9, 2)],  # the weights came at 3.5 and 8.2 s
)
def test_an_advance_is_of_the_step_before_its_second(second: int, step: int) -> None:
    timeline = [
        TimelineEntry(at=START + at * SECOND, weight=weight, reason=Reason.COLLECTING_EVIDENCE, message="m")
        for at, weight in ((-1.0, 0), (3.5, 10), (8.2, 50))
    ]
    actions = [said("Advance", second), said("Advance", second + 100, REFUSED)]
    own = held("Advance", second)
    advance = AdvancedStep(by=own.by, at=own.at, action=own.action, reason=own.reason, step=step)
    assert words_of(actions, timeline, policy()).advances == (advance,)
    assert words_of(actions, timeline, None).advances == (), "nobody knows the steps"
