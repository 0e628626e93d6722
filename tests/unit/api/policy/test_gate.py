"""Gates in a policy: what the model accepts, what stops a start, and the shipped example."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from serin.api.files.load import policy_from_yaml
from serin.api.policy.gate import Gate
from serin.api.promotion_action import PromotionAction
from serin.api.promotion_policy import PromotionPolicySpec
from serin.policy_gates import GATE_KINDS
from serin.policy_gates.approval import Approval
from tests.world import policy

EXAMPLES = Path(__file__).parents[4] / "examples" / "gates"
METRIC = {"query": "x", "min": "1"}


def gate(**changes: Any) -> dict[str, Any]:
    return {"name": "cab", "before": "Start"} | changes


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (gate(), "give exactly one of approval, metric"),
        (gate(approval={}, metric=METRIC), "give exactly one of approval, metric"),
        (gate(name="windows", approval={}), "the name windows is that of spec.windows"),
        (gate(name="Cab", approval={}), "string_pattern_mismatch"),
        (gate(before="Lunch", approval={}), "Input should be 'Start', 'Traffic', 'Step' or 'Promote'"),
    ],
)
def test_what_is_no_gate(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Gate.model_validate(fields)
    assert words in str(refused.value)


def test_every_kind_is_a_member_of_a_gate() -> None:
    assert {kind.kind for kind in GATE_KINDS} == set(Gate.model_fields) - {"name", "before"}
    assert isinstance(Gate.model_validate(gate(approval={})).chosen, Approval)


def test_a_policy_of_before_has_no_gates_and_waits_for_nothing() -> None:
    assert (policy().gates, policy().windows, policy().waits_to_start, policy().start_problem) == (
        [],
        None,
        False,
        None,
    )


@pytest.mark.parametrize(
    ("more", "waits"),
    [
        ({"gates": [gate(approval={})]}, True),
        ({"gates": [gate(before="Promote", approval={})]}, False),
        ({"windows": {}}, True),
    ],
)
def test_what_waits_before_the_start(more: dict[str, Any], *, waits: bool) -> None:
    assert policy(**more).waits_to_start is waits


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"gates": [gate(approval={"ticketPattern": "(a+)+"})]}, "gates: cab: approval.ticketPattern: what begins at"),
        ({"windows": {"deny": [{"cron": "0 0 31 6 *", "for": "1h"}]}}, "windows.deny[0].cron: '0 0 31 6 *'"),
        (
            {"windows": {"allow": [{"cron": "0 0 * * *", "for": "1h", "timezone": "Mars/Base"}]}},
            "windows.allow[0].timezone: Mars/Base is no zone",
        ),
    ],
)
def test_what_stops_a_start_is_still_read(more: dict[str, Any], problem: str) -> None:
    """A rollout that began with it, by another version, goes on with its snapshot."""
    read = PromotionPolicySpec.model_validate(policy().to_api() | more)
    assert str(read.start_problem).startswith(problem)


def test_the_example_is_a_policy_and_an_answer_to_one_of_its_gates() -> None:
    read, unknown = policy_from_yaml((EXAMPLES / "policy.yaml").read_text("utf-8"), "policy.yaml")
    assert unknown == []
    assert read.waits_to_start
    answer = PromotionAction.model_validate(yaml.safe_load((EXAMPLES / "approve.yaml").read_text("utf-8"))).spec
    asked = next(gate.chosen for gate in read.gates if gate.name == answer.gate)
    assert isinstance(asked, Approval)
    assert (
        asked.objection(
            answer.requested_by, groups=answer.groups, ticket=answer.ticket, requester="ana@example.com", given=[]
        )
        is None
    )
