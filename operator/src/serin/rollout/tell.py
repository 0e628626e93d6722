"""How is a status told to people and tools? Message, conditions and Events of one decision."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from serin.api.conditions import ConditionType, merge
from serin.api.status import ArmCounts, ModelDeploymentStatus, SloStatus
from serin.evidence import SloReport, Window
from serin.rollout.cluster_gates import WRITES_THAT_HOLD
from serin.rollout.conditions import conditions, policy_edited
from serin.rollout.decision import Event
from serin.rollout.gates import patience
from serin.rollout.observation import Problem
from serin.rollout.schedule import Schedule
from serin.rollout.turn import Move, Turn, changed, weight_on, weights_of, with_rollout
from serin.schema.reasons import Phase, Reason

LONGEST_MESSAGE = 1024
"""Texts of kubelets, gateways and webhooks flow into messages; a status that is too long would be refused."""
WARNINGS = frozenset(
    {
        Reason.SLO_BREACHED,
        Reason.ALL_REQUESTS_BAD,
        Reason.CANDIDATE_NOT_READY,
        Reason.STABLE_NOT_READY,
        Reason.CANDIDATE_CRASHED,
        Reason.MODEL_LOAD_FAILED,
        Reason.PREPARE_TIMEOUT,
        Reason.ABORTED_BY_HAND,
        Reason.ABORTED_BY_ACTION,
        Reason.NO_RECEIVER,
        Reason.METRICS_UNAVAILABLE,
        Reason.NO_DATA,
        Reason.COMMON_CAUSE,
        Reason.STEP_TIMEOUT,
        Reason.POLICY_MISSING,
        Reason.POLICY_INVALID,
        Reason.SPEC_INVALID,
        Reason.RENDER_REFUSED,
        Reason.HOSTNAME_TAKEN,
        Reason.NAME_TAKEN,
        Reason.KSERVE_MISSING,
        Reason.TEMPLATE_DRIFT,
        Reason.TRAFFIC_SPLIT,
        Reason.NO_DATA_TOO_LONG,
        Reason.INCONCLUSIVE,
        Reason.STATE_CONFLICT,
        Reason.REVISION_REJECTED,
        Reason.STABLE_DOWN,
        Reason.OBSERVATION_INCOMPLETE,
        Reason.UNSCHEDULABLE,
        Reason.EVICTED,
        Reason.QUOTA_EXCEEDED,
        Reason.PERMISSION_MISSING,
        Reason.WEBHOOK_REFUSED,
        Reason.WRITE_REFUSED,
        Reason.WRITE_UNAVAILABLE,
        Reason.UNKNOWN_STATE,
    }
)
LASTING = timedelta(seconds=60)
"""What fails for longer than this, though the server may answer later, needs a person."""
OUTAGES = frozenset({Reason.OBSERVATION_INCOMPLETE, Reason.WRITE_UNAVAILABLE})
KEPT_FAILURES = 16


def with_write_failures(turn: Turn, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """The status with what the newest pass could not write; before this process has tried, what stood there."""
    found = turn.seen.write_failures
    if found is None or list(found)[:KEPT_FAILURES] == status.write_failures:
        return status
    return changed(status, write_failures=list(found)[:KEPT_FAILURES])


def told(turn: Turn, before: ModelDeploymentStatus, move: Move) -> ModelDeploymentStatus:
    """The status with everything that people read: message, rollout's hold, weights, SLOs, conditions."""
    notes = (_queued(turn, move.status), _held(move), _ignored(turn, move.status), _policy_note(turn, move))
    also = f"{''.join(notes)}{_failures(move)}"
    since = before.since if before.reason is move.reason and before.since else turn.now.replace(microsecond=0)
    stalled = move.stalled or _lasting(turn, move) or (move.reason in OUTAGES and turn.now - since >= LASTING)
    move = replace(move, message=f"{move.message}{also}"[:LONGEST_MESSAGE], stalled=stalled)
    status = changed(move.status, message=move.message, reason=move.reason, since=since)
    status = _weights(turn, status)
    if status.rollout is not None:
        old, policy = before.rollout, turn.policy(status)
        same = old is not None and old.reason is move.reason and old.record == status.rollout.record
        status = with_rollout(
            status,
            reason=move.reason,
            message=move.message,
            since=old.since if same and old is not None else turn.now.replace(microsecond=0),
            wake_at=_deadline(turn, status),
            steps=Schedule(policy).count if policy is not None else status.rollout.steps,
            verdict=turn.seen.assessment.verdict,
            slos=[slo_status(report) for report in turn.seen.assessment.slos],
        )
    status = changed(status, observed_generation=_observed_generation(turn, before))
    return changed(status, conditions=merge(before.conditions, conditions(turn, status, move)))


def _observed_generation(turn: Turn, before: ModelDeploymentStatus) -> int | None:
    """The newest generation of spec for which everything was written; one with a refused write is not observed."""
    if turn.seen.carried_out == turn.seen.generation:
        return turn.seen.generation
    return before.observed_generation


def _failures(move: Move) -> str:
    """What could not be written, where something else is told first."""
    others = [f for f in move.status.write_failures if f.reason is not move.reason and f.message not in move.message]
    return "".join(f"; {failure.message}" for failure in others[:2])


def _lasting(turn: Turn, move: Move) -> bool:
    """Whether a person has to mend what cannot be written."""
    return any(
        f.act in WRITES_THAT_HOLD and (f.reason is not Reason.WRITE_UNAVAILABLE or turn.now - f.since >= LASTING)
        for f in move.status.write_failures
    )


def _policy_note(turn: Turn, move: Move) -> str:
    """What is wrong with the live policy, or that it was edited since the rollout began."""
    status = move.status
    live, rollout = turn.seen.policy, status.rollout
    if isinstance(live, Problem):
        known = live.reason is move.reason or status.stable is None or move.reason is Reason.STABLE_DOWN
        goes_on = "this rollout goes on with the policy that it began with" if rollout else "no rollout can start"
        return "" if known else f"; {live.message}; {goes_on}"
    if rollout is not None and not rollout.taken_back and policy_edited(turn, status):
        return (
            f"; PromotionPolicy {turn.spec.policy_ref.name} was edited; this rollout goes on with the one it began with"
        )
    return ""


def _queued(turn: Turn, status: ModelDeploymentStatus) -> str:
    """Which revision waits for the end of this rollout."""
    wanted, rollout = turn.seen.wanted, status.rollout
    if rollout is None or rollout.outcome is not None or status.candidate is None or status.stable is None:
        return ""
    if wanted is None or wanted.revision == status.candidate.revision:
        return ""
    return f"; version {wanted.version} waits for the end of this rollout (onNewRevision: Queue)"


def _held(move: Move) -> str:
    """Who holds the rollout, where something else is told to be in the way first."""
    rollout = move.status.rollout
    if rollout is None or rollout.held is None or rollout.outcome is not None or move.reason is Reason.HELD:
        return ""
    return f"; held by {rollout.held.by}"


def _ignored(turn: Turn, status: ModelDeploymentStatus) -> str:
    """Which arms KServe was told not to update: it ignores scaling fields there, and says nothing."""
    arms = [arm for ref in (status.stable, status.candidate) if (arm := turn.arm(ref)) is not None and not arm.updates]
    return "".join(
        f"; InferenceService {arm.ref.inference_service} carries serving.kserve.io/disable-auto-update: KServe ignores "
        f"changes of its scaling fields"
        for arm in arms
    )


def _deadline(turn: Turn, status: ModelDeploymentStatus) -> datetime | None:
    """When waiting ends by itself: the deadline of what is being waited for, not Serin's own pace of looking."""
    rollout, policy = status.rollout, turn.policy(status)
    if rollout is None or policy is None or rollout.outcome is not None:
        return None
    if rollout.interruption is not None:
        return rollout.interruption.at.replace(microsecond=0) + policy.rollback.endpoint_grace
    if status.phase is Phase.PREPARING:
        return (rollout.blocked_since or rollout.started_at) + patience(turn, status)
    begun = rollout.step_started_at
    if begun is None or status.phase not in {Phase.SHADOWING, Phase.PROGRESSING}:
        return None
    stage = Schedule(policy).stage(status.phase, rollout.step)
    wait = stage.timeout if stage is not None else policy.preview.for_ if policy.preview is not None else None
    return begun.replace(microsecond=0) + wait if wait is not None else None


def _weights(turn: Turn, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    if status.weights is None:
        return status
    weights, route = weights_of(status), turn.seen.route
    applied = weights.applied
    if route is not None and route.accepted:
        alone = status.stable is None and weights.desired
        applied = 100 if alone else weight_on(route, status.candidate) if status.candidate else route.weight
    shares = [
        100 * w.candidate.total / (w.candidate.total + w.stable.total)
        for w in (report.newest for report in turn.seen.assessment.slos)
        if isinstance(w, Window) and w.accepted and w.candidate is not None and w.stable is not None
    ]
    if not applied or status.phase is Phase.SHADOWING:  # mirrored requests are no share of anything
        observed = None
    else:
        observed = f"{shares[0]:.1f}" if shares else weights.observed
    return changed(status, weights=weights.model_copy(update={"applied": applied, "observed": observed}))


def slo_status(report: SloReport) -> SloStatus:
    """One SLO for people."""
    return SloStatus(
        name=report.name,
        severity=report.severity,
        verdict=report.verdict,
        candidate=ArmCounts(bad=report.candidate.bad, total=report.candidate.total),
        stable=ArmCounts(bad=report.stable.bad, total=report.stable.total),
        evidence={name: f"{value:.6f}" for name, value in report.evidence.items()},
        threshold=f"{report.threshold:.6f}",
        pass_threshold=f"{report.pass_threshold:.6f}",
        message=report.message,
    )


def events(before: ModelDeploymentStatus, after: ModelDeploymentStatus, move: Move) -> tuple[Event, ...]:
    """What people are told, on transitions only."""
    return (*_transition(before, after, move), *_policy_events(before, after))


def _transition(before: ModelDeploymentStatus, after: ModelDeploymentStatus, move: Move) -> tuple[Event, ...]:
    phase_changed = before.phase is not after.phase
    step_changed = (before.rollout.step if before.rollout else 0) < (after.rollout.step if after.rollout else 0)
    reason_changed = _old_reason(before) != move.reason.value
    needs_somebody = _stalled(after) and not _stalled(before)
    if not (phase_changed or step_changed or reason_changed or needs_somebody):
        return ()
    # One answer that came late is no news: an outage is told when it asks for somebody.
    if move.reason in OUTAGES and not (phase_changed or needs_somebody):
        return ()
    name = after.phase.value if phase_changed and after.phase else "StepAdvanced" if step_changed else move.reason.value
    message = after.message or move.message
    return (Event("Warning" if move.reason in WARNINGS or needs_somebody else "Normal", name, message),)


def _stalled(status: ModelDeploymentStatus) -> bool:
    kind = ConditionType.STALLED.value
    return any(condition.type == kind and condition.status == "True" for condition in status.conditions)


def _old_reason(before: ModelDeploymentStatus) -> str | None:
    """The reason that stood there; a status of an earlier Serin has it in its conditions only."""
    if before.reason is not None:
        return before.reason.value
    return next((c.reason for c in before.conditions if c.type == ConditionType.STALLED.value), None)


def _policy_events(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> tuple[Event, ...]:
    """A policy that became unusable or usable, or was edited in mid-rollout."""
    kind = ConditionType.POLICY_ACCEPTED.value
    old, new = (next((c for c in s.conditions if c.type == kind), None) for s in (before, after))
    if new is None or new.status == "Unknown" or (old is not None and old.reason == new.reason):
        return ()
    if new.status == "True" and (old is None or new.reason != Reason.POLICY_EDITED.value):
        return ()
    return (Event("Normal" if new.status == "True" else "Warning", new.reason, new.message),)
