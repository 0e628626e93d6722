"""Gates: one module each, and one ordered table with the phases in which each is checked.

A gate only holds: its check returns None if the gate is open, otherwise the Transition of the hold. The rules of
``phases.rollback_rules`` roll back; they run before the gates.

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
from serin.rollout.phases import AFTER_STEPS
from serin.rollout.transition import Transition, rollout_of
from serin.schema.reasons import Phase

PREPARE = frozenset({Phase.PREPARING})
SHADOW = frozenset({Phase.SHADOWING})
STEPS = frozenset({Phase.PROGRESSING})
BAKE = frozenset({Phase.BAKING})
JUDGED = SHADOW | STEPS | BAKE
EVERY = PREPARE | JUDGED | AFTER_STEPS
GATES: tuple[Gate, ...] = (
    # A part of the cluster cannot be read.
    Gate(unreadable, EVERY, HeldBy.CLUSTER),
    # Spec was changed to something unusable.
    Gate(spec_unusable, EVERY, HeldBy.PERSON),
    # A quota, a webhook or a missing permission refuses a write.
    Gate(write_failed, EVERY, HeldBy.CLUSTER),
    # The gateway has not accepted the desired weight.
    Gate(route_pending, JUDGED | AFTER_STEPS, HeldBy.CLUSTER),
    # The rollout has no PromotionRecord for its evidence.
    Gate(record_missing, EVERY, HeldBy.CLUSTER),
    # The policy is not known.
    Gate(policy_lost, PREPARE | JUDGED, HeldBy.CLUSTER),
    # The pods are not those that the evidence is about.
    Gate(template_drift, JUDGED, HeldBy.CLUSTER),
    # A deciding SLO has not passed.
    Gate(only_mirrored(undecided), JUDGED, HeldBy.EVIDENCE),
    # The observed share of the requests differs from the weight.
    Gate(traffic_split, STEPS | BAKE, HeldBy.EVIDENCE),
    # The step, shadow, preview or bake is too short.
    Gate(only_mirrored(step_time), SHADOW | STEPS, HeldBy.EVIDENCE),
    Gate(preview_time, SHADOW, HeldBy.EVIDENCE),
    Gate(bake_time, BAKE, HeldBy.EVIDENCE),
    # Before the first weight: candidate ready, stable at its size, the candidate's endpoints known to the gateway.
    Gate(candidate_not_up, PREPARE, HeldBy.CLUSTER),
    Gate(stable_too_small, PREPARE, HeldBy.CLUSTER),
    Gate(candidate_not_routed, PREPARE, HeldBy.CLUSTER),
    # A person holds the rollout.
    Gate(paused, EVERY, HeldBy.PERSON),
    Gate(held, EVERY, HeldBy.PERSON),
    # Both arms are large enough for the next weight, and for a rollback.
    Gate(stable_too_small, JUDGED, HeldBy.CLUSTER),
    Gate(candidate_not_up, JUDGED, HeldBy.CLUSTER),
)
"""In this order; the first gate of the phase that holds gives the reason."""


def _only(*checks: Check) -> tuple[Gate, ...]:
    """The gates with these checks, in the order of the table."""
    return tuple(gate for gate in GATES if gate.check in checks)


FINAL_GATES = _only(unreadable, spec_unusable, write_failed, route_pending, record_missing, paused, held)
"""Before the candidate becomes stable and the old revision is deleted."""
LAST_WEIGHT_GATES = _only(unreadable, write_failed, route_pending)
"""Before the bake, or the end of a rollout without bake."""
RESUME_GATES = _only(unreadable, write_failed, record_missing, paused, held)
"""Before a candidate that had lost its endpoints gets its weight again."""


def first_hold(
    context: DecisionContext, status: ModelDeploymentStatus, gates: tuple[Gate, ...] = GATES
) -> Transition | None:
    """The hold of the first gate of the phase that holds; None if all are open. Promote skips gates of evidence."""
    requested = rollout_of(status).promote is not None
    for gate in gates:
        if status.phase not in gate.phases or (requested and gate.held_by is HeldBy.EVIDENCE):
            continue
        transition = gate.check(context, status)
        if transition is not None:
            return with_hold_clock(context, transition, gate.held_by)
    return None
