"""The words of a PromotionAction: which let traffic go forward, what is taken, and what was stored before is read."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from serin.api.model_deployment import SCALING_FIELDS, SCALING_SCHEMA
from serin.api.promotion_action import ActionKind, PromotionAction
from tests.clock import api_time
from tools.crdgen import KINDS, schema_of

SPEC: dict[str, Any] = {"modelDeployment": "fraud", "action": "Hold", "rollout": "fraud-b-1", "requestedBy": "ana"}
FORWARD = {
    ActionKind.HOLD: False,
    ActionKind.ABORT: False,
    ActionKind.RELEASE: True,
    ActionKind.RETRY: True,
    ActionKind.PROMOTE: True,
    ActionKind.ADVANCE: True,
    ActionKind.APPROVE: True,
    ActionKind.REJECT: False,
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


def field(kind: str, *path: str) -> dict[str, Any]:
    found: dict[str, Any] = schema_of(next(one for one in KINDS if one.kind == kind))
    for name in path:
        found = found["properties"][name]
    return found


@pytest.mark.parametrize(
    ("name", "taken", "refused"),
    [
        (
            "modelDeployment",
            ["fraud", "fraud.eu-1", "7"],
            [".", "..", "a/b", "Fraud", "-a", "a-", "a..b", "a b", "a\n"],
        ),
        ("rollout", ["fraud-7c9f2a1b-1", "none"], [".", "", "a/b", "A"]),
        ("revision", ["7c9f2a1b"], [".", "a.b", "", "7C"]),
        ("reason", ["incident 7: übel, “sehr”", ""], ["\x1b[2J", "a\nb", "\x7f", "\x9b31m", "\x00"]),
        ("ticket", ["CHG0012345"], ["CHG\r"]),
        ("requestedBy", ["system:serviceaccount:a:b", "ana@example.com"], ["ana\x1b", "a\tb"]),
    ],
)
def test_what_the_api_server_takes(name: str, taken: list[str], refused: list[str]) -> None:
    pattern = field("PromotionAction", "spec", name)["pattern"].removesuffix("$") + r"\Z"  # as Go reads the end
    assert [text for text in taken if not re.match(pattern, text)] == []
    assert [text for text in refused if re.match(pattern, text)] == []


def test_an_action_that_was_stored_before_is_read_without_its_control_characters() -> None:
    spec = {
        "modelDeployment": ".",
        "action": "Hold",
        "rollout": "A/B",
        "revision": ".",
        "reason": "a\nb",
        "ticket": "\x1b[2J",
        "requestedBy": "ana\x9b",
    }
    read = PromotionAction.model_validate({"spec": spec}).spec
    assert (read.model_deployment, read.rollout, read.revision) == (".", "A/B", ".")
    assert (read.reason, read.ticket, read.requested_by) == ("a b", " [2J", "ana ")


def test_the_scaling_fields_have_types() -> None:
    """L5: no dry run sees a change of them."""
    predictor = field("ModelDeployment", "spec", "predictor")["properties"]
    assert set(SCALING_SCHEMA) == set(SCALING_FIELDS)
    assert {name: predictor[name]["type"] for name in SCALING_FIELDS} == {
        "minReplicas": "integer",
        "maxReplicas": "integer",
        "scaleTarget": "integer",
        "scaleMetric": "string",
        "scaleMetricType": "string",
        "autoScaling": "object",
        "deploymentStrategy": "object",
    }
    assert all(predictor[name]["nullable"] for name in SCALING_FIELDS), "templates render an empty one as null"
