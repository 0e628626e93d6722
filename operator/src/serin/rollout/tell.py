"""How is a status told to people and tools? Conditions and Events, each from the status alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from serin.api.conditions import Condition, ConditionType, condition, merge
from serin.api.evidence import SloReport, Window
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.reasons import Phase, Reason
from serin.api.status import ArmCounts, ModelDeploymentStatus, SloStatus
from serin.rollout.decision import Event
from serin.rollout.gates import split_words
from serin.rollout.observation import Problem
from serin.rollout.phases import ACTIVE
from serin.rollout.turn import Move, Turn, changed, stage_of, weights_of, with_rollout

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
    }
)


def told(turn: Turn, before: ModelDeploymentStatus, move: Move) -> ModelDeploymentStatus:
    """The status with everything that people read: message, rollout's hold, weights, SLOs, conditions."""
    also = f"{_queued(turn, move.status)}{_held(move)}{_ignored(turn, move.status)}"
    move = replace(move, message=f"{move.message}{also}"[:LONGEST_MESSAGE])
    status = changed(move.status, message=move.message)
    status = _weights(turn, status)
    if status.rollout is not None:
        old = before.rollout
        same = old is not None and old.reason is move.reason and old.record == status.rollout.record
        status = with_rollout(
            status,
            reason=move.reason,
            message=move.message,
            since=old.since if same and old is not None else turn.now.replace(microsecond=0),
            wake_at=_deadline(turn, status),
            verdict=turn.seen.assessment.verdict,
            slos=[slo_status(report) for report in turn.seen.assessment.slos],
        )
    new = conditions(turn, status, move)
    return changed(status, observed_generation=turn.seen.generation, conditions=merge(before.conditions, new))


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
    if status.phase is Phase.PREPARING:
        return rollout.started_at + policy.prepare_timeout
    begun = rollout.step_started_at
    if begun is None or status.phase not in {Phase.SHADOWING, Phase.PROGRESSING}:
        return None
    stage = stage_of(policy, status)
    wait = stage.timeout if stage is not None else policy.preview.for_ if policy.preview is not None else None
    return begun.replace(microsecond=0) + wait if wait is not None else None


def _weights(turn: Turn, status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    if status.weights is None:
        return status
    weights, route = weights_of(status), turn.seen.route
    applied = weights.applied
    if route is not None and route.accepted:
        applied = 100 if status.stable is None and weights.desired else route.weight
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


def conditions(turn: Turn, status: ModelDeploymentStatus, move: Move) -> list[Condition]:
    """The conditions of a ModelDeployment, each true for one plain reason."""
    wanted, stable = turn.seen.wanted, status.stable
    settled = status.phase is Phase.STABLE and stable is not None and wanted is not None
    settled = settled and move.reason is Reason.SERVING
    ready = settled and wanted is not None and stable is not None and wanted.revision == stable.revision
    moving = status.phase in ACTIVE or (status.phase is Phase.WAITING and not move.stalled)
    available = turn.ready(stable) > 0
    serving = f"version {stable.version} serves" if stable and available else "nothing serves"

    def make(kind: ConditionType, *, holds: bool | None, reason: str, message: str) -> Condition:
        return condition(
            kind, holds=holds, reason=reason, message=message, now=turn.now, generation=turn.seen.generation
        )

    why = move.reason.value
    out = [
        make(
            ConditionType.AVAILABLE,
            holds=available,
            reason=Reason.SERVING.value if available else why,
            message=serving,
        ),
        make(ConditionType.READY, holds=ready, reason=why, message=move.message),
        make(ConditionType.RECONCILING, holds=moving, reason=why, message=move.message),
        make(ConditionType.STALLED, holds=move.stalled, reason=why, message=move.message),
    ]
    split = turn.seen.split
    if split is not None and split.agrees is not None and status.rollout is not None:
        words = split_words(split) if not split.agrees else f"{split.percent:.1f} % of {split.total} requests observed"
        reason = "Agrees" if split.agrees else Reason.TRAFFIC_SPLIT.value
        out.append(make(ConditionType.TRAFFIC_SPLIT, holds=split.agrees, reason=reason, message=words))
    if isinstance(turn.seen.policy, Problem):
        problem = turn.seen.policy
        out.append(
            make(
                ConditionType.POLICY_ACCEPTED,
                holds=False,
                reason=problem.reason.value,
                message=problem.message,
            )
        )
    elif isinstance(turn.seen.policy, PromotionPolicySpec):
        message = f"PromotionPolicy {turn.spec.policy_ref.name} is usable"
        out.append(make(ConditionType.POLICY_ACCEPTED, holds=True, reason="Accepted", message=message))
    else:
        out += [c for c in status.conditions if c.type == ConditionType.POLICY_ACCEPTED.value]
    return out


def events(before: ModelDeploymentStatus, after: ModelDeploymentStatus, move: Move) -> tuple[Event, ...]:
    """What people are told, on transitions only."""
    phase_changed = before.phase is not after.phase
    step_changed = (before.rollout.step if before.rollout else 0) < (after.rollout.step if after.rollout else 0)
    old_reason = next((c.reason for c in before.conditions if c.type == ConditionType.STALLED.value), None)
    if not (phase_changed or step_changed or old_reason != move.reason.value):
        return ()
    name = after.phase.value if phase_changed and after.phase else "StepAdvanced" if step_changed else move.reason.value
    return (Event("Warning" if move.reason in WARNINGS else "Normal", name, move.message),)
