"""The rules that roll back. They run in every phase with a candidate, before the gates."""

from __future__ import annotations

from dataclasses import replace

from serin.api.model_deployment import OnNewRevision
from serin.api.status import ModelDeploymentStatus
from serin.rollout.context import DecisionContext
from serin.rollout.evidence_decision import EvidenceClocks, SilenceClock
from serin.rollout.gates.evidence.analysis_ready import holds_for_preflight, is_asked
from serin.rollout.gates.policy.refused import refused_gate
from serin.rollout.phases.following import may_begin_anew, may_come_up
from serin.rollout.phases.interruption import endpoint_loss
from serin.rollout.phases.rollback import done_by_hand, start_rollback
from serin.rollout.phases.stable_outage import RECORD_TIMEOUT, kept_from_serving, stable_is_down
from serin.rollout.steps.stage import describe_step, stage_evidence
from serin.rollout.transition import (
    Transition,
    rollout_of,
    weights_of,
    with_rollout,
    with_weight,
)
from serin.rollout.unrecorded import kept_ends
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from serin.schema.types import format_time

CRASHES = frozenset({Reason.CANDIDATE_CRASHED, Reason.MODEL_LOAD_FAILED})


def aborted_by_hand(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """The candidate's weight was lowered, or its mirror removed, on the route from outside: that counts as Abort."""
    route, what = context.observed.route, done_by_hand(context, status)
    if route is None or status.candidate is None or what is None:
        return None
    message = f"{what}; version {status.candidate.version} is taken back"
    lowered = with_weight(status, min(weights_of(status).desired, route.weight))
    return start_rollback(context, lowered, Reason.ABORTED_BY_HAND, message)


def decided_before(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """A rollback was decided, and the status could not be written or is lost: the route's annotation has its cause."""
    record = rollout_of(status).record
    end = next((end for end in kept_ends(context.observed.route) if end.record == record), None)
    if end is None or end.outcome is Outcome.PROMOTED:
        return None
    message = f"it was decided to roll back ({end.cause}), and the status does not have it: it was lost, or not written"
    return start_rollback(context, status, end.cause, message)


def breached(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """An SLO is breached that rolls back."""
    rollback = stage_evidence(context, status).breach
    if rollback is None:
        return None
    message = rollback.slo.message
    if status.phase is Phase.SHADOWING:
        message = f"{message}; it had no weight yet: mirrored and preview requests only"
    return start_rollback(context, status, rollback.reason, message)


def candidate_crashed(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """The candidate has traffic and crashes.

    A failed model load of one pod, while others are ready, is no crash: the next start may succeed. While stable is
    down nothing else could answer: what is ready of the candidate serves, and only a breach takes it back.
    """
    arm = context.arm(status.candidate)
    if arm is None or arm.failure is None or arm.failure.reason not in CRASHES or context.is_down(status.stable):
        return None
    if arm.failure.reason is Reason.MODEL_LOAD_FAILED and arm.ready and not arm.failure.final:
        return None
    return start_rollback(context, status, arm.failure.reason, arm.failure.message)


def candidate_unreachable(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """The candidate has traffic and no ready endpoint: weight 0 at once, a rollback after the grace."""
    interruption = endpoint_loss(context, status)
    if interruption is None or isinstance(interruption, Transition):
        return interruption
    return start_rollback(context, status, interruption.reason, interruption.message)


def superseded(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Spec asks for another revision, and ``onNewRevision`` does not queue it behind one that has begun."""
    wanted, candidate = context.observed.wanted, status.candidate
    if wanted is None or candidate is None or wanted.revision == candidate.revision:
        return None
    back = status.stable is not None and wanted.revision == status.stable.revision
    alone = context.is_down(status.stable) and context.ready(candidate) and not kept_from_serving(context, status)
    if alone and not (_is_kept_from_ending(context, status) and may_come_up(context, status, wanted)):
        return None  # the candidate is the only ready arm, and takes all traffic first
    waits = context.spec.on_new_revision is OnNewRevision.QUEUE and not back and status.phase is not Phase.WAITING
    if waits and (context.ready(candidate) or not stable_is_down(context, status)):
        return None
    what = "stable again" if back else "another revision"
    return start_rollback(
        context, status, Reason.SUPERSEDED, f"spec asks for {what} (version {wanted.version}); this rollout ends"
    )


def _is_kept_from_ending(context: DecisionContext, status: ModelDeploymentStatus) -> bool:
    """Whether the cluster keeps a candidate that serves in place of stable from becoming stable: its record is lost."""
    rollout = rollout_of(status)
    since = rollout.blocked_since if rollout.stable_down else None
    return since is not None and context.now - since >= RECORD_TIMEOUT


def stable_applied_again(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Spec asks for stable again. Another revision waits until a decided promotion has ended."""
    wanted, stable = context.observed.wanted, status.stable
    back = wanted is not None and stable is not None and wanted.revision == stable.revision
    return superseded(context, status) if back else None


def with_silence_clock(context: DecisionContext, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """The status with the time since when a deciding SLO has had no data, without that in which nobody could read."""
    rollout = rollout_of(status)
    clocks = EvidenceClocks(rollout.step_started_at, SilenceClock(rollout.unknown_since), rollout.unread_since)
    after = clocks.at(context.observed.assessment, context.now)
    if rollout.interruption is not None:  # without traffic there is no data
        after = replace(after, silence=SilenceClock())
    if after == clocks:
        return status
    changed = {"step_started_at": after.begun_at, "unknown_since": after.silence.since}
    return with_rollout(status, **changed, unread_since=after.unread_since)


def silent_too_long(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """A deciding SLO has had no data for longer than ``analysis.onNoData: Abort`` allows."""
    rollback, since = stage_evidence(context, status).silent_too_long, rollout_of(status).unknown_since
    if rollback is None or since is None or context.is_down(status.stable):
        return None
    message = f"nothing is known since {format_time(since)} (analysis.onNoData: Abort); {rollback.slo.message}"
    return start_rollback(context, status, rollback.reason, message)


def inconclusive_too_long(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """A step is undecided for longer after its timeout than ``analysis.onInconclusive: Abort`` allows.

    Not while it has no traffic: the clock of the step goes on through an interruption, and nothing can be found.
    """
    rollback = stage_evidence(context, status).inconclusive_too_long
    if rollback is None or context.is_down(status.stable) or rollout_of(status).interruption is not None:
        return None
    message = f"{describe_step(status)}: not decided (analysis.onInconclusive: Abort); {rollback.slo.message}"
    return start_rollback(context, status, rollback.reason, message)


def candidate_cannot_start(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """The candidate has a final failure of its own before its first request; in an outage nothing of it is ready."""
    arm = context.arm(status.candidate)
    if arm is not None and arm.ready and context.is_down(status.stable):
        return None
    if arm is not None and arm.failure is not None and arm.failure.final and arm.failure.own:
        return start_rollback(context, status, arm.failure.reason, arm.failure.message)
    return None


def policy_mended(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Preflight holds the rollout, and the policy was edited since it began: it begins anew with the edited one."""
    found = context.observed.readiness
    if found is None or found.ready or not is_asked(context, status) or not holds_for_preflight(context, status):
        return None
    if not context.policy_edited(status) or context.policy_problem() is not None or not may_begin_anew(status):
        return None
    name = context.spec.policy_ref.name
    message = f"PromotionPolicy {name} was edited before the first weight; the rollout begins anew with it"
    return start_rollback(context, status, Reason.POLICY_EDITED, message)


def gate_refused(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """A gate of the policy ends the rollout, as the policy's author wrote: nobody approved in time, a Job failed it."""
    refused = refused_gate(context, status)
    if refused is None:
        return None
    return start_rollback(context, refused.status, refused.reason, refused.message)


ROLLBACK_RULES = (
    decided_before,
    aborted_by_hand,
    breached,
    candidate_crashed,
    superseded,
    candidate_unreachable,
    silent_too_long,
    inconclusive_too_long,
    gate_refused,
)
"""While the candidate gets requests, in order of urgency; the first that applies wins."""
WAIT_RULES = (decided_before, superseded, gate_refused)
"""Before the candidate is created."""
PREPARE_RULES = (decided_before, superseded, candidate_cannot_start, policy_mended, gate_refused)
"""Before the candidate gets its first request."""
ENDING_RULES = (
    decided_before,
    aborted_by_hand,
    breached,
    candidate_crashed,
    stable_applied_again,
    candidate_unreachable,
)
"""While a decided promotion waits for its record."""
