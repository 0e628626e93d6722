"""Which gates of the policy are asked before the next move, and what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from serin.api.people import LONGEST_RESULT, GateStatus
from serin.api.policy.gate import WINDOWS
from serin.api.status import ModelDeploymentStatus
from serin.policy_gates.answer import Answer, Approved, Asked, Before, GateState
from serin.policy_gates.kind import GateKind
from serin.rollout.context import DecisionContext
from serin.rollout.phases.stable_outage import stable_is_down
from serin.rollout.steps.schedule import Schedule
from serin.rollout.transition import rollout_of, with_rollout
from serin.schema.phase import Phase

LONGEST_GATE_MESSAGE, LONGEST_BY = 512, 1024
MOVE_OF: dict[Phase | None, Before] = {
    Phase.WAITING: Before.START,
    Phase.PREPARING: Before.START,
    Phase.SHADOWING: Before.START,
    Phase.PROGRESSING: Before.STEP,
}
"""The move that is next, by phase, for what is asked before every move; after the steps it is the last one."""


@dataclass(frozen=True, slots=True)
class AskedGate:
    """A gate that is asked before the next move."""

    name: str
    before: Before
    kind: GateKind
    entry: GateStatus
    """Where it stood before it was asked; new if it was not asked for this move yet."""

    def answer(self, context: DecisionContext, requester: str | None) -> Answer:
        """What it answers now."""
        entry = self.entry
        asked = Asked(
            now=context.now,
            since=entry.since,
            fact=context.observed.gate_facts.get(self.name),
            approvals=tuple(Approved(approval.by) for approval in entry.approvals),
            requester=requester,
            met_since=entry.met_since,
            until=entry.until,
        )
        return self.kind.answer(asked)

    @property
    def has_opened(self) -> bool:
        """Whether it has opened for this move and stays so."""
        return self.kind.stays_open and self.entry.state is GateState.OPEN

    def after(self, answer: Answer, now: datetime) -> GateStatus:
        """Where it stands after an answer."""
        held = answer.state is GateState.WAITING
        return self.entry.model_copy(
            update={
                "state": answer.state,
                "until": answer.until if held else None,
                "at": None if held else (self.entry.at or whole_second_up(now)),
                "message": answer.message[:LONGEST_GATE_MESSAGE],
                "by": ", ".join(answer.by)[:LONGEST_BY] or None,
                "met_since": answer.met_since,
                "result": answer.result if len(answer.result or "") <= LONGEST_RESULT else None,
            }
        )


def whole_second_up(at: datetime) -> datetime:
    """``at`` in whole seconds, rounded up: what is said to be open was so at that time."""
    floor = at.replace(microsecond=0)
    return floor if floor == at else floor + timedelta(seconds=1)


def asked_gates(context: DecisionContext, status: ModelDeploymentStatus) -> tuple[AskedGate, ...]:
    """The gates that are asked before the next move, in their order; the windows are asked before every move."""
    rollout, policy = rollout_of(status), context.policy(status)
    if policy is None or rollout.returning or rollout.stable_down or stable_is_down(context, status):
        return ()
    last = rollout.at_once or Schedule(policy).passed(rollout.step)
    match status.phase:
        case Phase.WAITING:
            moves: tuple[Before, ...] = (Before.START,)
        case Phase.PREPARING if policy.exposure and not rollout.at_once:  # mirrored or preview requests come first
            moves = (Before.START,)
        case Phase.PREPARING | Phase.SHADOWING:  # the first weight
            moves = (Before.START, Before.TRAFFIC, Before.PROMOTE) if last else (Before.START, Before.TRAFFIC)
        case Phase.PROGRESSING:
            moves = (Before.STEP, Before.PROMOTE) if last else (Before.STEP,)
        case _:
            moves = ()
    wanted = [
        (gate.name, move, gate.chosen)
        for gate in policy.gates
        if (move := _move_of(gate.before, gate.chosen, moves, status.phase)) is not None
        and not _was_open_at_the_start(status, gate.name, gate.chosen)
    ]
    if policy.windows is not None:
        wanted.append((WINDOWS, MOVE_OF.get(status.phase, Before.PROMOTE), policy.windows))
    return tuple(_asked_gate(context, status, *one) for one in wanted)


def _move_of(before: Before, kind: GateKind, moves: tuple[Before, ...], phase: Phase | None) -> Before | None:
    """Before which of the next moves a gate is asked; None if before none of them."""
    if before in moves:
        return before
    if not kind.asked_to_the_end or phase is Phase.WAITING:
        return None
    following, order = MOVE_OF.get(phase, Before.PROMOTE), list(Before)
    return following if order.index(before) <= order.index(following) else None


def _was_open_at_the_start(status: ModelDeploymentStatus, name: str, kind: GateKind) -> bool:
    """Whether it is asked before the start only, and was open then.

    It was not where stable was down: the candidate came up at once. If stable is back before the candidate has served,
    it is an ordinary rollout, and the gate is asked before the first request.
    """
    known = rollout_of(status).gate(name)
    if known is None or kind.asked_to_the_end or status.phase is Phase.WAITING:
        return False
    return known.before is Before.START and known.state is GateState.OPEN


def _asked_gate(
    context: DecisionContext, status: ModelDeploymentStatus, name: str, before: Before, kind: GateKind
) -> AskedGate:
    known, step = rollout_of(status).gate(name), rollout_of(status).step
    if known is not None and (known.before, known.step, known.kind) == (before, step, kind.kind):
        return AskedGate(name, before, kind, known)
    new = GateStatus(
        name=name,
        before=before,
        kind=kind.kind,
        step=step,
        state=GateState.WAITING,
        since=context.now.replace(microsecond=0),
        message="is being asked",
        met_since=known.met_since if known is not None and kind.asked_to_the_end and known.kind == kind.kind else None,
    )
    return AskedGate(name, before, kind, new)


def with_gates(status: ModelDeploymentStatus, gates: Sequence[GateStatus]) -> ModelDeploymentStatus:
    """The status with these gates in place of those of the same names."""
    named = {gate.name: gate for gate in gates}
    known = rollout_of(status).gates
    kept = [named.pop(gate.name, gate) for gate in known]
    after = [*kept, *named.values()]
    return status if after == list(known) else with_rollout(status, gates=after)


def requester_of(context: DecisionContext, status: ModelDeploymentStatus) -> str | None:
    """Who asked for the revision; None if the record does not tell it."""
    record = context.record(status)
    return record.requested_by if record is not None else None
