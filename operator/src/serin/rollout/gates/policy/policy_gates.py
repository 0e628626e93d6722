"""Gate: holds until every gate of the policy that is asked before the next move is open, and so are its windows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from serin.api.people import GateStatus
from serin.api.status import ModelDeploymentStatus
from serin.policy_gates.answer import Answer, Before, GateState
from serin.rollout.context import DecisionContext
from serin.rollout.gates.policy.asked import AskedGate, asked_gates, requester_of, with_gates
from serin.rollout.transition import Transition, rollout_of

MOVES = {
    Before.START: "the start",
    Before.TRAFFIC: "the first weight",
    Before.STEP: "the next weight",
    Before.PROMOTE: "the last weight",
}


@dataclass(frozen=True, slots=True)
class _Round:
    """What all gates of a move answered."""

    after: tuple[GateStatus, ...]
    holding: tuple[tuple[AskedGate, Answer], ...]

    @property
    def look_at(self) -> datetime | None:
        """When to ask again, if no event tells it."""
        return min((a.look_at for _, a in self.holding if a.look_at is not None), default=None)


def policy_gates(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Holds while a gate of the policy is not open. All are asked; the first one that holds gives the reason."""
    found = _asked(context, status)
    if not found.holding:
        return None
    gate, answer = found.holding[0]
    others = [other.name for other, _ in found.holding[1:]]
    more = f"; so {'does' if len(others) == 1 else 'do'} {', '.join(others)}" if others else ""
    message = f"gate {gate.name} holds {MOVES[gate.before]}: {answer.message}{_how(gate, status)}{more}"
    stalled = any(answer.stalled for _, answer in found.holding)
    return Transition(with_gates(status, found.after), answer.reason, message, found.look_at, stalled=stalled)


def _how(gate: AskedGate, status: ModelDeploymentStatus) -> str:
    """How a person answers it."""
    if gate.kind.kind != "approval":
        return ""
    return (
        f"; answer it by a PromotionAction Approve or Reject with rollout {rollout_of(status).record}, gate {gate.name}"
    )


def with_opened(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """The status in which the gates of the move that is made now stand as open."""
    return with_gates(status, _asked(context, status).after)


def _asked(context: DecisionContext, status: ModelDeploymentStatus) -> _Round:
    requester, after, holding = requester_of(context, status), [], []
    for gate in asked_gates(context, status):
        if gate.has_opened:
            continue
        answer = gate.answer(context, requester)
        # One that refuses holds here; ``gate_refused`` of the rollback rules ends the rollout.
        after.append(gate.entry if answer.state is GateState.REFUSED else gate.after(answer, context.now))
        if not answer.is_open:
            holding.append((gate, answer))
    return _Round(tuple(after), tuple(holding))
