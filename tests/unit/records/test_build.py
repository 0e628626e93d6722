"""A rollout as a PromotionRecord, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from serin.api.people import AnsweredAction
from serin.api.promotion_action import ActionKind, ActionOutcome
from serin.api.promotion_record import MOST_ACTIONS, PromotionRecordStatus
from serin.records import build
from serin.records.build import requested_by, with_actions
from serin.rollout.decision import RecordPlan
from tests.clock import START
from tests.world import ref


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


@pytest.mark.parametrize(
    ("managers", "user", "found"),
    [
        ([], None, None),
        (["argocd-controller"], None, {"fieldManager": "argocd-controller"}),
        ([], "ana@example.com", {"user": "ana@example.com"}),
        (["kubectl"], "ana@example.com", {"fieldManager": "kubectl", "user": "ana@example.com"}),
        # What is no user's name is left out: the rollout starts all the same.
        (["kubectl"], "", {"fieldManager": "kubectl"}),
        (["kubectl"], 7, {"fieldManager": "kubectl"}),
        (["kubectl"], "a" * 513, {"fieldManager": "kubectl"}),
        (["kubectl"], "ana\x1b[2K\nbob", {"fieldManager": "kubectl"}),
    ],
)
def test_who_asked_is_told_as_far_as_the_object_tells_it(
    managers: list[str], user: object, found: dict[str, str] | None
) -> None:
    fields: dict[str, Any] = {"f:spec": {"f:model": {"f:version": {}}}}
    managed = [{"manager": manager, "time": "2026-11-22T03:00:00Z", "fieldsV1": fields} for manager in managers]
    annotations = {} if user is None else {"serin.dev/requested-by": user}
    asked = requested_by({"metadata": {"managedFields": managed, "annotations": annotations}})
    assert (asked.to_api() if asked is not None else None) == found


def test_the_snapshot_of_an_earlier_serin_is_read_whatever_its_preview_header() -> None:
    slos = [{"name": "availability", "objective": "99.0", "indicator": {"availability": {}}}]
    preview = {"for": "1m", "header": {"name": "X-Forwarded-Proto", "value": "1"}}
    snapshot = {"slos": slos, "steps": [{"weight": 5, "for": "1m"}], "preview": preview}
    stored = build.new(
        RecordPlan("fraud-1-1", 1, ref("2"), ref("1"), datetime(2026, 11, 22, tzinfo=UTC)),
        owner=("prod", "fraud"),
        source_of=lambda _: None,
        policy=("careful", snapshot),
    )
    seen = build.view(stored)
    assert seen is not None
    assert seen.unreadable == ""
    assert seen.policy is not None
    assert "requestedBy" not in stored["spec"], "as an earlier Serin wrote it"
    assert seen.policy.start_problem is not None


def test_a_gap_among_the_attempts_stands_in_the_next_record() -> None:
    for missing in ((), (1, 3)):
        plan = RecordPlan("fraud-7c9f2a1b-4", 4, ref("2"), None, datetime(2026, 11, 22, tzinfo=UTC))
        written = build.new(plan, owner=("prod", "fraud"), source_of=lambda _: None, policy=None, missing=missing)
        assert written["spec"].get("missingAttempts", []) == list(missing)


def test_whom_to_ask_stands_beside_the_content_of_a_record() -> None:
    plan = RecordPlan("fraud-1", 1, ref("1"), None, START)
    made = [
        build.new(plan, owner=("prod", "fraud"), source_of=lambda _: None, policy=None, contact=contact)
        for contact in ("", "#fraud-on-call")
    ]
    assert made[0]["spec"] == made[1]["spec"]
    assert "annotations" not in made[0]["metadata"]
    assert made[1]["metadata"]["annotations"] == {"serin.dev/contact": "#fraud-on-call"}
