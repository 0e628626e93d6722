"""The gate of the policy that ends the rollout, if one does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from serin.api.people import GateStatus
from serin.api.status import ModelDeploymentStatus
from serin.policy_gates.answer import GateState
from serin.rollout.context import DecisionContext
from serin.rollout.gates.policy.asked import (
    LONGEST_BY,
    LONGEST_GATE_MESSAGE,
    asked_gates,
    requester_of,
    with_gates,
)
from serin.rollout.transition import rollout_of
from serin.schema.reasons import Reason


@dataclass(frozen=True, slots=True)
class RefusedGate:
    """Why the rollout ends, and the status that says so of the gate."""

    status: ModelDeploymentStatus
    reason: Reason
    message: str


def refused_gate(context: DecisionContext, status: ModelDeploymentStatus) -> RefusedGate | None:
    """The first gate that was asked, still waits, and now refuses; none while stable is down."""
    waiting = {gate.name for gate in rollout_of(status).gates if gate.state is GateState.WAITING}
    if not waiting or context.is_down(status.stable):
        return None
    for gate in asked_gates(context, status):
        if gate.name not in waiting:
            continue
        answer = gate.answer(context, requester_of(context, status))
        if answer.state is GateState.REFUSED:
            after = with_gates(status, [gate.after(answer, context.now)])
            return RefusedGate(after, answer.reason, f"gate {gate.name}: {answer.message}")
    return None


def with_refusal(
    status: ModelDeploymentStatus, gate: GateStatus, by: str, message: str, at: datetime
) -> ModelDeploymentStatus:
    """The status in which somebody refused the gate."""
    changes = {
        "state": GateState.REFUSED,
        "until": None,
        "at": at,
        "message": message[:LONGEST_GATE_MESSAGE],
        "by": by[:LONGEST_BY],
    }
    return with_gates(status, [gate.model_copy(update=changes)])
