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
from serin.rollout.gates.cluster.turn import not_its_turn
from serin.rollout.gates.cluster.unreadable import unreadable
from serin.rollout.gates.cluster.write_failed import write_failed
from serin.rollout.gates.evidence.analysis_ready import analysis_not_ready
from serin.rollout.gates.evidence.bake_time import bake_time
from serin.rollout.gates.evidence.preview_time import preview_time
from serin.rollout.gates.evidence.requests_refused import requests_refused
from serin.rollout.gates.evidence.step_time import step_time
from serin.rollout.gates.evidence.traffic_split import traffic_split
from serin.rollout.gates.evidence.undecided import undecided
from serin.rollout.gates.gate import Gate, HeldBy, Moment, only_mirrored, with_hold_clock
from serin.rollout.gates.people.frozen import frozen
from serin.rollout.gates.people.held import held
from serin.rollout.gates.people.paused import paused
from serin.rollout.gates.people.spec_unusable import spec_unusable
from serin.rollout.gates.policy.policy_gates import policy_gates
from serin.rollout.phases import AFTER_STEPS, STEPPED
from serin.rollout.transition import Transition, rollout_of
from serin.schema.phase import Phase

WAIT = frozenset({Phase.WAITING})
PREPARE = frozenset({Phase.PREPARING})
SHADOW = frozenset({Phase.SHADOWING})
STEPS = frozenset({Phase.PROGRESSING})
BAKE = frozenset({Phase.BAKING})
JUDGED = SHADOW | STEPS | BAKE
EVERY = WAIT | PREPARE | JUDGED | AFTER_STEPS
ALWAYS = frozenset(Moment)
AT_END = frozenset({Moment.END})
ON_RESUME = frozenset({Moment.RESUME})
NEVER: frozenset[Moment] = frozenset()
"""Only before the next step."""

GATES: tuple[Gate, ...] = (
    # A part of the cluster cannot be read: what it would say is not guessed.
    Gate(unreadable, EVERY, HeldBy.CLUSTER, ALWAYS),
    # Spec cannot be used any more: what its author wants is not known.
    Gate(spec_unusable, EVERY, HeldBy.PERSON, AT_END),
    # A quota, a webhook or a missing right refuses what the rollout needs.
    Gate(write_failed, EVERY, HeldBy.CLUSTER, ALWAYS),
    # The gateway works with another weight than the decided one.
    Gate(route_pending, JUDGED | AFTER_STEPS, HeldBy.CLUSTER, frozenset({Moment.LAST_WEIGHT, Moment.END})),
    # The evidence would have no place.
    Gate(record_missing, EVERY, HeldBy.CLUSTER, AT_END | ON_RESUME),
    # Nobody knows what passing means.
    Gate(policy_lost, WAIT | PREPARE | JUDGED, HeldBy.CLUSTER, NEVER),
    # The pods are not those that the evidence is of.
    Gate(template_drift, JUDGED, HeldBy.CLUSTER, NEVER),
    # The candidate refuses most of its requests, and no SLO would see that.
    Gate(only_mirrored(requests_refused), JUDGED, HeldBy.EVIDENCE, NEVER),
    # An SLO that decides has not passed.
    Gate(only_mirrored(undecided), JUDGED, HeldBy.EVIDENCE, NEVER),
    # Clients reach the arms in another way than by the route.
    Gate(traffic_split, STEPS | BAKE, HeldBy.EVIDENCE, NEVER),
    # The step, the shadow or the bake has not lasted long enough.
    Gate(only_mirrored(step_time), SHADOW | STEPS, HeldBy.EVIDENCE, NEVER),
    Gate(preview_time, SHADOW, HeldBy.EVIDENCE, NEVER),
    Gate(bake_time, BAKE, HeldBy.EVIDENCE, NEVER),
    # Before the first weight: the candidate comes up, stable is whole, the gateway knows the candidate's endpoints.
    Gate(candidate_not_up, PREPARE, HeldBy.CLUSTER, NEVER),
    Gate(stable_too_small, PREPARE, HeldBy.CLUSTER, NEVER),
    Gate(candidate_not_routed, PREPARE, HeldBy.CLUSTER, NEVER),
    # Somebody wants it to stay where it is.
    Gate(paused, EVERY, HeldBy.PERSON, AT_END | ON_RESUME),
    Gate(held, EVERY, HeldBy.PERSON, AT_END | ON_RESUME),
    # The cluster or the namespace is frozen: what has traffic keeps it.
    Gate(frozen, EVERY, HeldBy.PERSON, AT_END | ON_RESUME),
    # Whoever gets more traffic can carry it, and whoever takes it back can, too.
    Gate(stable_too_small, JUDGED, HeldBy.CLUSTER, NEVER),
    Gate(candidate_not_up, JUDGED, HeldBy.CLUSTER, NEVER),
    # Nobody would see what the first weight does.
    Gate(analysis_not_ready, PREPARE, HeldBy.EVIDENCE, NEVER),
    # What the policy's author asks for before the move, last: nothing else is in its way when a person is asked.
    Gate(policy_gates, WAIT | PREPARE | JUDGED, HeldBy.PERSON, NEVER),
    # Others have a rollout under way: who waits for a person or a window takes nobody's turn.
    Gate(not_its_turn, WAIT, HeldBy.PERSON, NEVER),
)
"""In this order; the first gate of the phase that holds gives the reason."""


def _before(moment: Moment) -> tuple[Gate, ...]:
    """The gates that are asked at ``moment``, in the order of the table."""
    return tuple(gate for gate in GATES if moment in gate.before)


FINAL_GATES = _before(Moment.END)
LAST_WEIGHT_GATES = _before(Moment.LAST_WEIGHT)
RESUME_GATES = _before(Moment.RESUME)


def first_hold(
    context: DecisionContext, status: ModelDeploymentStatus, gates: tuple[Gate, ...] = GATES
) -> Transition | None:
    """The hold of the first gate of the phase that holds; None if all are open. A word skips those of evidence.

    A Promote does so to the end, an Advance in its step only.
    """
    rollout = rollout_of(status)
    requested = rollout.promote is not None or (rollout.advanced and status.phase in STEPPED)
    for gate in gates:
        if status.phase not in gate.phases or (requested and gate.held_by is HeldBy.EVIDENCE):
            continue
        transition = gate.check(context, status)
        if transition is not None:
            return with_hold_clock(context, transition, gate.held_by)
    return None
