"""A rollout as a PromotionRecord, and back."""

from __future__ import annotations

from serin.api.promotion_action import ActionKind, ActionOutcome
from serin.api.promotion_record import MOST_ACTIONS, PromotionRecordStatus
from serin.api.status import AnsweredAction
from serin.records.build import with_actions
from tests.clock import START


def answered(number: int, outcome: ActionOutcome, kind: ActionKind = ActionKind.RELEASE) -> AnsweredAction:
    at = START
    return AnsweredAction(
        name=f"a-{number}", uid=f"u-{number}", action=kind, rollout="r", by="ana", outcome=outcome, message="", at=at
    )


def test_a_record_keeps_what_was_done_before_what_was_refused() -> None:
    status = PromotionRecordStatus()
    for number in range(60):
        status = with_actions(status, "r", [answered(number, ActionOutcome.REFUSED)])
    status = with_actions(status, "r", [answered(99, ActionOutcome.ACCEPTED, ActionKind.ABORT)])
    assert len(status.actions) == MOST_ACTIONS
    assert status.actions[-1].action is ActionKind.ABORT
    assert with_actions(status, "r", status.actions) == status
