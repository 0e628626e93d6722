"""Results of gates in a record: each once, bounded, and enough to go on from when a status is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from serin.api.people import AnsweredAction, Approval, GateStatus
from serin.api.promotion_action import ActionKind, ActionOutcome
from serin.api.promotion_record import MOST_GATE_RESULTS, PromotionRecordStatus
from serin.policy_gates.answer import Before, GateState
from serin.records.gates import LARGEST, approvals_of, gates_of, with_gates
from tests.clock import START

EMPTY = PromotionRecordStatus()


def gate(name: str = "cab", **changes: Any) -> GateStatus:
    base: dict[str, Any] = {
        "name": name,
        "before": Before.STEP,
        "kind": "approval",
        "step": 1,
        "state": GateState.OPEN,
        "since": START,
        "at": START,
        "message": "approved by ana",
        "by": "ana",
    }
    return GateStatus(**(base | changes))


def approve(number: int, **changes: Any) -> AnsweredAction:
    base: dict[str, Any] = {
        "name": f"a{number}",
        "uid": str(number),
        "action": ActionKind.APPROVE,
        "gate": "cab",
        "by": f"person-{number}",
        "outcome": ActionOutcome.ACCEPTED,
        "message": "",
        "at": START + timedelta(seconds=number),
    }
    return AnsweredAction(**(base | changes))


def test_what_waits_is_no_result_and_each_result_stands_once() -> None:
    assert with_gates(EMPTY, [gate(state=GateState.WAITING)]) is EMPTY
    assert with_gates(EMPTY, [gate(), gate("budget", state=GateState.WAITING)]) is EMPTY, "no move yet"
    ended = with_gates(EMPTY, [gate(state=GateState.REFUSED), gate("budget", state=GateState.WAITING)])
    assert [g.state for g in ended.gates] == [GateState.REFUSED]
    once = with_gates(EMPTY, [gate()])
    assert with_gates(once, [gate(message="again")]) is once
    twice = with_gates(once, [gate(step=2), gate("budget", step=2)])
    assert [(g.name, g.step) for g in twice.gates] == [("cab", 1), ("cab", 2), ("budget", 2)]
    assert [(g.name, g.step) for g in gates_of(twice)] == [("cab", 2), ("budget", 2)]


def test_the_results_are_bounded_in_number_and_size() -> None:
    status, small = EMPTY, EMPTY
    approvals = [Approval(by="x" * 512, at=START, action="a" * 253, ticket="t" * 128)] * 5
    for step in range(100):
        status = with_gates(status, [gate(step=step, message="m" * 512, by="b" * 1024, approvals=approvals)])
        small = with_gates(small, [gate(step=step)])
        assert sum(len(g.model_dump_json()) for g in status.gates) <= LARGEST
    assert status.gates[-1].step == 99, "the newest stay"
    assert len(small.gates) == MOST_GATE_RESULTS


def test_an_approval_counts_until_a_move_has_used_it() -> None:
    actions = [
        approve(1),
        approve(2, outcome=ActionOutcome.REFUSED),
        approve(3, action=ActionKind.REJECT),
        approve(4, gate="other"),
        approve(9),
    ]
    status = EMPTY.model_copy(update={"actions": actions})
    assert {name: [a.by for a in found] for name, found in approvals_of(status).items()} == {
        "cab": ["person-1", "person-9"],
        "other": ["person-4"],
    }
    used = with_gates(status, [gate(at=START + timedelta(seconds=5))])
    assert [a.by for a in approvals_of(used)["cab"]] == ["person-9"]
