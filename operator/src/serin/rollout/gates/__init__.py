"""What may hold a forward move? One module per gate, and one ordered table that says in which phases each holds.

A gate only holds: its check answers None when it is open, and otherwise the Transition that says why nothing moves.
What rolls back are the rules of ``phases.rollback_rules``, which no gate can switch off.

To add a gate, write a module with its check and add a line to ``GATES``.
"""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.gates.cluster.candidate_routed import candidate_not_routed
from serin.rollout.gates.cluster.candidate_size import candidate_not_up
from serin.rollout.gates.cluster.policy_lost import policy_lost
from serin.rollout.gates.cluster.record_missing import record_missing
from serin.rollout.gates.cluster.route_pending import route_pending
from serin.rollout.gates.cluster.stable_size import stable_too_small
from serin.rollout.gates.cluster.template_drift import template_drift
from serin.rollout.gates.cluster.unreadable import unreadable
from serin.rollout.gates.cluster.write_failed import write_failed
from serin.rollout.gates.evidence.bake_time import bake_time
from serin.rollout.gates.evidence.preview_time import preview_time
from serin.rollout.gates.evidence.step_time import step_time
from serin.rollout.gates.evidence.traffic_split import traffic_split
from serin.rollout.gates.evidence.undecided import undecided
from serin.rollout.gates.gate import Check, Gate, HeldBy, only_mirrored, with_hold_clock
from serin.rollout.gates.people.held import held
from serin.rollout.gates.people.paused import paused
from serin.rollout.gates.people.spec_unusable import spec_unusable
from serin.rollout.phases import LATE
from serin.rollout.transition import Transition, rollout_of
from serin.schema.reasons import Phase

PREPARE = frozenset({Phase.PREPARING})
SHADOW = frozenset({Phase.SHADOWING})
STEPS = frozenset({Phase.PROGRESSING})
BAKE = frozenset({Phase.BAKING})
JUDGED = SHADOW | STEPS | BAKE
EVERY = PREPARE | JUDGED | LATE
GATES: tuple[Gate, ...] = (
    # A part of the cluster cannot be read: what it would say is not guessed.
    Gate(unreadable, EVERY, HeldBy.CLUSTER),
    # Spec cannot be used any more: what its author wants is not known.
    Gate(spec_unusable, EVERY, HeldBy.PERSON),
    # A quota, a webhook or a missing right refuses what the rollout needs.
    Gate(write_failed, EVERY, HeldBy.CLUSTER),
    # The gateway works with another weight than the decided one.
    Gate(route_pending, JUDGED | LATE, HeldBy.CLUSTER),
    # The evidence would have no place.
    Gate(record_missing, EVERY, HeldBy.CLUSTER),
    # Nobody knows what passing means.
    Gate(policy_lost, PREPARE | JUDGED, HeldBy.CLUSTER),
    # The pods are not those that the evidence is of.
    Gate(template_drift, JUDGED, HeldBy.CLUSTER),
    # An SLO that decides has not passed.
    Gate(only_mirrored(undecided), JUDGED, HeldBy.EVIDENCE),
    # Clients reach the arms in another way than by the route.
    Gate(traffic_split, STEPS | BAKE, HeldBy.EVIDENCE),
    # The step, the shadow or the bake has not lasted long enough.
    Gate(only_mirrored(step_time), SHADOW | STEPS, HeldBy.EVIDENCE),
    Gate(preview_time, SHADOW, HeldBy.EVIDENCE),
    Gate(bake_time, BAKE, HeldBy.EVIDENCE),
    # Before the first weight: the candidate comes up, stable is whole, the gateway knows the candidate's endpoints.
    Gate(candidate_not_up, PREPARE, HeldBy.CLUSTER),
    Gate(stable_too_small, PREPARE, HeldBy.CLUSTER),
    Gate(candidate_not_routed, PREPARE, HeldBy.CLUSTER),
    # Somebody wants it to stay where it is.
    Gate(paused, EVERY, HeldBy.PERSON),
    Gate(held, EVERY, HeldBy.PERSON),
    # Whoever gets more traffic can carry it, and whoever takes it back can, too.
    Gate(stable_too_small, JUDGED, HeldBy.CLUSTER),
    Gate(candidate_not_up, JUDGED, HeldBy.CLUSTER),
)
"""In order: the first that holds says why. Each phase asks those that name it."""


def _only(*checks: Check) -> tuple[Gate, ...]:
    """The gates with these checks, in the order of the table."""
    return tuple(gate for gate in GATES if gate.check in checks)


FINAL_GATES = _only(unreadable, spec_unusable, write_failed, route_pending, record_missing, paused, held)
"""Before the candidate is stable and the old revision goes, which nothing brings back."""
LAST_WEIGHT_GATES = _only(unreadable, write_failed, route_pending)
"""Before the last weight counts as given."""
RESUME_GATES = _only(unreadable, write_failed, record_missing, paused, held)
"""Before a candidate that was without endpoints gets back the weight that it had."""


def first_hold(
    context: DecisionContext, status: ModelDeploymentStatus, gates: tuple[Gate, ...] = GATES
) -> Transition | None:
    """What the first gate of the phase that holds says; None when all are open."""
    ordered = rollout_of(status).promote is not None
    for gate in gates:
        if status.phase not in gate.phases or (ordered and gate.holds is HeldBy.EVIDENCE):
            continue
        transition = gate.check(context, status)
        if transition is not None:
            return with_hold_clock(context, transition, gate.holds)
    return None
