"""Builds the Observation, the input of ``decide``, from the snapshot, the windows and the result of the last pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from serin.api.contact import contact_of
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.status import ModelDeploymentStatus, WriteFailure
from serin.controller.metrics.sight import Sight
from serin.controller.reconciliation.acts import lasting
from serin.controller.reconciliation.window_reader import WindowReader
from serin.controller.snapshot.freezes import freeze_views, freezes_matter
from serin.controller.snapshot.observe import Snapshot
from serin.controller.workqueue import Key
from serin.evidence import Assessment
from serin.notify.outbox import Outbox
from serin.policy_gates.answer import Fact
from serin.records.changes import changed_fields
from serin.rollout.decision import Decision
from serin.rollout.notifications.notifying import Notifying
from serin.rollout.observation import Observation, Part


@dataclass(frozen=True, slots=True)
class PassResult:
    """The result of the last pass over a ModelDeployment."""

    failures: tuple[WriteFailure, ...]
    generation: int | None
    """The generation of spec for which every write succeeded; None if one failed or could not be tried."""


def observation_of(
    snapshot: Snapshot,
    reader: WindowReader | None,
    last: PassResult | None,
    now: datetime,
    gate_facts: Mapping[str, Fact] | None = None,
) -> Observation:
    """The observation; ``reader`` is None before a candidate gets requests, ``last`` before the first pass."""
    step_started_at, weights = step_start(snapshot.status), snapshot.status.weights
    return Observation(
        generation=snapshot.obj["metadata"].get("generation", 0),
        wanted=snapshot.wanted,
        namespace=snapshot.owner.namespace,
        arms=snapshot.arms,
        route=snapshot.route,
        policy=snapshot.policy,
        records=snapshot.records,
        assessment=reader.assess(step_started_at, now) if reader else Assessment(),
        split=reader.split(step_started_at, weights.desired) if reader and weights else None,
        refusals=reader.refusals() if reader else None,
        next_evidence_at=reader.next_at if reader else None,
        problem=snapshot.problem,
        actions=snapshot.pending_actions.actions,
        requester_verified=snapshot.pending_actions.requester_verified,
        freezes=freeze_views(snapshot.freezes),
        groups_verified=snapshot.pending_actions.groups_verified,
        gate_facts=gate_facts or {},
        unknown=snapshot.unknown,
        rejected_elsewhere=snapshot.rejected_elsewhere,
        snapshot=reader.policy if reader is not None and reader.of_record else None,
        write_failures=lasting(last.failures, now) if last is not None else None,
        carried_out=last.generation if last is not None else None,
    )


def notifying_of(key: Key, outbox: Outbox, snapshot: Snapshot) -> Notifying:
    """The receivers of notifications, as a decision sees them."""
    status, contact = snapshot.status, contact_of(snapshot.obj)
    if not outbox.lines or status.rollout is None:
        return outbox.notifying(key, contact=contact)
    arms = (
        snapshot.workloads.get(ref.revision) if ref is not None else None for ref in (status.candidate, status.stable)
    )
    return outbox.notifying(key, changed_fields(snapshot.record_objs.get(status.rollout.record) or {}, *arms), contact)


def sight_of(snapshot: Snapshot, decision: Decision, reader: WindowReader | None, now: datetime) -> Sight:
    """What the metrics tell of a pass."""
    status, asked = decision.status, freezes_matter(snapshot.obj, snapshot.model_deployment)
    known = asked and Part.FREEZES not in snapshot.unknown
    return Sight(
        snapshot.model_deployment.spec,
        status,
        now,
        policy=snapshot.policy if isinstance(snapshot.policy, PromotionPolicySpec) else None,
        assessment=reader.assess(step_start(status), now) if reader else Assessment(),
        records=snapshot.records,
        freezes=sum(view.in_force(now) for view in freeze_views(snapshot.freezes)) if known else None,
    )


def step_start(status: ModelDeploymentStatus) -> datetime | None:
    """When the current step began; None without one."""
    return status.rollout.step_started_at if status.rollout else None
