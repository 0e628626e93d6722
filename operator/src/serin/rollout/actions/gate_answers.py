"""The gate that an Approve or a Reject names, if it is asked."""

from __future__ import annotations

from serin.api.people import GateStatus
from serin.api.status import ModelDeploymentStatus
from serin.policy_gates.answer import GateState
from serin.policy_gates.approval import Approval
from serin.rollout.actions.rule import Request, undecided_rollout_of_action
from serin.rollout.context import DecisionContext


def gate_of_action(
    context: DecisionContext, status: ModelDeploymentStatus, request: Request, verb: str
) -> tuple[GateStatus, Approval] | str:
    """Where the gate stands, and its settings; or the message of a refusal."""
    rollout = undecided_rollout_of_action(status, request.answer, verb)
    if isinstance(rollout, str):
        return rollout
    name, policy = request.view.spec.gate or "", context.policy(status)
    gates = {gate.name: gate for gate in policy.gates} if policy is not None else {}
    people = sorted(gate.name for gate in gates.values() if isinstance(gate.chosen, Approval))
    gate = gates.get(name)
    if gate is None:
        return f"the rollout's policy has no gate {name}; gates that people answer: {', '.join(people) or 'none'}"
    if not isinstance(gate.chosen, Approval):
        return f"gate {name} is of the kind {gate.chosen.kind}: nobody's word opens it"
    entry = rollout.gate(name)
    if entry is None or entry.step != rollout.step:
        return f"gate {name} is not asked now: it is asked before the move {gate.before.value}, when all else is well"
    if entry.state is not GateState.WAITING:
        return f"gate {name} is {entry.state.value.lower()} already{f', by {entry.by}' if entry.by else ''}"
    return entry, gate.chosen
