"""Which actions let traffic go forward, and which words another version may have written."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from serin.api.promotion_action import ActionKind, PromotionAction
from tests.clock import api_time

SPEC: dict[str, Any] = {"modelDeployment": "fraud", "action": "Hold", "rollout": "fraud-b-1", "requestedBy": "ana"}
FORWARD = {
    ActionKind.HOLD: False,
    ActionKind.ABORT: False,
    ActionKind.RELEASE: True,
    ActionKind.RETRY: True,
    ActionKind.PROMOTE: True,
}


def test_an_action_that_lets_traffic_go_forward_needs_the_admission_policies() -> None:
    assert {kind: kind.forward for kind in ActionKind} == FORWARD, "a new action has its row here"


@pytest.mark.parametrize(
    "change",
    [
        {"action": "Approve!"},
        {"requestedBy": ""},
        {"requestedBy": "a" * 513},
        {"reason": "a" * 513},
        {"ticket": "a" * 129},
        {"modelDeployment": ""},
    ],
)
def test_what_is_asked_for_is_bounded(change: dict[str, Any]) -> None:
    PromotionAction.model_validate({"spec": SPEC})
    with pytest.raises(ValidationError):
        PromotionAction.model_validate({"spec": SPEC | change})


def test_the_outcome_of_another_version_is_kept() -> None:
    status = {"outcome": "Deferred", "message": "later", "at": api_time()}
    assert PromotionAction.model_validate({"spec": SPEC, "status": status}).status.to_api() == status
