"""A rollout as a PromotionRecord, and back."""

from __future__ import annotations

from datetime import UTC, datetime

from serin.api.promotion_action import ActionKind, ActionOutcome
from serin.api.promotion_record import MOST_ACTIONS, PromotionRecordStatus
from serin.api.status import AnsweredAction, RevisionRef
from serin.records.build import new, with_actions
from serin.rollout.decision import RecordPlan
from serin.traffic.standard.service import workload_of


def answered(number: int, outcome: ActionOutcome, kind: ActionKind = ActionKind.RELEASE) -> AnsweredAction:
    at = datetime(2026, 11, 22, tzinfo=UTC)
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


def test_a_gap_among_the_attempts_stands_in_the_next_record() -> None:
    ref = RevisionRef(revision="7c9f2a1b", version="2", workload=workload_of("fraud", "7c9f2a1b"))
    for missing in ((), (1, 3)):
        plan = RecordPlan("fraud-7c9f2a1b-4", 4, ref, None, datetime(2026, 11, 22, tzinfo=UTC), missing)
        written = new(plan, owner=("prod", "fraud"), sources={}, policy=None)
        assert written["spec"].get("missingAttempts", []) == list(missing)
