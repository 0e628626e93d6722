"""How the gates of a policy are written to a record and read back from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from serin.api.people import AnsweredAction, Approval, GateStatus
from serin.api.policy.gate import WINDOWS
from serin.api.promotion_action import ActionKind, ActionOutcome
from serin.api.promotion_record import MOST_GATE_RESULTS, PromotionRecord, PromotionRecordStatus
from serin.policy_gates.answer import GateState

LONGEST_RESULT = 200
"""Characters of a message in a record."""
LARGEST = 16 * 1024
"""Bytes of all results in a record: it has windows and actions, too, and stays below 256 KiB."""


def with_gates(status: PromotionRecordStatus, gates: Sequence[GateStatus]) -> PromotionRecordStatus:
    """The status with the gates that let a move happen, or ended the rollout, since; each once for a move.

    While a gate waits, those beside it may close again: what is kept is how they stood at the move. Without more room
    the oldest are dropped; the approvals stand among the actions, too.
    """
    moved = not any(gate.state is GateState.WAITING for gate in gates)
    known = {(gate.name, gate.before, gate.step) for gate in status.gates}
    fresh = [
        _shortened(gate)
        for gate in gates
        if (gate.state is GateState.REFUSED or (moved and gate.state is GateState.OPEN))
        and (gate.name, gate.before, gate.step) not in known
    ]
    if not fresh:
        return status
    kept = [*status.gates, *fresh][-MOST_GATE_RESULTS:]
    while len(kept) > len(fresh) and sum(len(gate.model_dump_json()) for gate in kept) > LARGEST:
        kept = kept[1:]
    return status.model_copy(update={"gates": kept})


def _shortened(gate: GateStatus) -> GateStatus:
    return gate.model_copy(update={"message": gate.message[:LONGEST_RESULT]})


def results_of(record: PromotionRecord) -> Mapping[str, GateState | None]:
    """By name, how each gate of the policy answered last; None of one without a result."""
    policy = record.spec.policy
    spec = policy.spec if policy is not None else {}
    names = [str(gate.get("name")) for gate in spec.get("gates") or []]
    if spec.get("windows"):
        names.append(WINDOWS)
    newest = {gate.name: gate.state for gate in record.status.gates}
    return {name: newest.get(name) for name in dict.fromkeys((*names, *newest))}


def gates_of(status: PromotionRecordStatus) -> tuple[GateStatus, ...]:
    """Where the gates stood, for a status that is rebuilt: the newest result of each."""
    return tuple({gate.name: gate for gate in status.gates}.values())


def approvals_of(status: PromotionRecordStatus) -> Mapping[str, tuple[Approval, ...]]:
    """By gate, the approvals since its newest result: those that no move has used up."""
    used = {gate.name: gate.at for gate in status.gates}
    found: dict[str, tuple[Approval, ...]] = {}
    for action in status.actions:
        if action.action is not ActionKind.APPROVE or action.outcome is not ActionOutcome.ACCEPTED or not action.gate:
            continue
        at = used.get(action.gate)
        if at is None or action.at > at:
            found[action.gate] = (*found.get(action.gate, ()), approval(action))
    return found


def approval(answered: AnsweredAction) -> Approval:
    """The approval that an accepted Approve is."""
    return Approval(by=answered.by, at=answered.at, action=answered.name, ticket=answered.ticket)
