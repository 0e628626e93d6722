"""Converts a rollout to a PromotionRecord and back. Pure: objects in, objects out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from serin.api import API_VERSION, names
from serin.api.promotion_action import ActionKind, ActionOutcome
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.promotion_record import (
    MOST_ACTIONS,
    PolicySnapshot,
    PromotionRecord,
    PromotionRecordSpec,
    PromotionRecordStatus,
    RevisionSource,
    TimelineEntry,
    WindowBlock,
)
from serin.api.revision import content_hash, revision_of
from serin.api.status import AnsweredAction, Held, RevisionRef
from serin.evidence import Assessment
from serin.judge import JUDGE_VERSION
from serin.rollout.decision import Finish, RecordPlan
from serin.rollout.observation import RecordView

MOST_BLOCKS = 330
"""A block of 20 windows takes up to 0.65 KiB: with its actions, a record stays below 256 KiB."""
Source = tuple[Mapping[str, Any], Mapping[str, Any]]
"""``spec.model`` and ``spec.predictor`` of a ModelDeployment, as the user wrote them."""


def new(
    plan: RecordPlan,
    *,
    owner: tuple[str, str],
    sources: Mapping[str, Source],
    policy: tuple[str, Mapping[str, Any]] | None,
) -> dict[str, Any]:
    """The record of a rollout that starts; ``owner`` is (namespace, ModelDeployment), ``policy`` (name, spec)."""
    namespace, model_deployment = owner
    snapshot = PolicySnapshot(name=policy[0], hash=content_hash(policy[1]), spec=dict(policy[1])) if policy else None
    spec = PromotionRecordSpec(
        model_deployment=model_deployment,
        attempt=plan.attempt,
        candidate=_source(plan.candidate, sources),
        stable=_source(plan.stable, sources) if plan.stable else None,
        policy=snapshot if plan.stable else None,
        judge_version=JUDGE_VERSION,
        started_at=plan.started_at,
        missing_attempts=list(plan.missing) or None,
    )
    labels = {
        names.MANAGED_BY: names.MANAGER,
        names.MODEL_DEPLOYMENT: model_deployment,
        names.REVISION: plan.candidate.revision,
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "PromotionRecord",
        "metadata": {"name": plan.name, "namespace": namespace, "labels": labels},
        "spec": spec.to_api(),
    }


def _source(ref: RevisionRef, sources: Mapping[str, Source]) -> RevisionSource:
    model, predictor = sources.get(ref.revision, ({}, {}))
    return RevisionSource(
        revision=ref.revision,
        version=ref.version,
        workload=ref.workload,
        digest=model.get("digest"),
        model=dict(model),
        predictor=dict(predictor),
    )


def parse(obj: Mapping[str, Any]) -> PromotionRecord | None:
    """The record; None for an object that Serin did not write (anybody may create objects)."""
    try:
        return PromotionRecord.model_validate(obj)
    except ValidationError:
        return None


def view(obj: Mapping[str, Any]) -> RecordView | None:
    """The part of a record that decisions need; None for an object that Serin did not write."""
    record = parse(obj)
    if record is None:
        return None
    spec, status = record.spec, record.status
    policy, unreadable = None, ""
    try:
        policy = PromotionPolicySpec.model_validate(spec.policy.spec) if spec.policy else None
    except ValidationError as error:
        first = error.errors()[0]
        unreadable = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"[:200]
    return RecordView(
        name=obj["metadata"]["name"],
        attempt=spec.attempt,
        candidate=_ref(spec.candidate),
        stable=_ref(spec.stable) if spec.stable else None,
        policy=policy,
        started_at=spec.started_at,
        unreadable=unreadable,
        outcome=status.outcome,
        reason=status.reason,
        decided_at=status.decided_at,
        held=_held(status.actions),
    )


def _held(actions: Sequence[AnsweredAction]) -> Held | None:
    """The last accepted Hold, unless a Release was accepted after it."""
    accepted = [a for a in actions if a.outcome is ActionOutcome.ACCEPTED]
    last = next((a for a in reversed(accepted) if a.action in {ActionKind.HOLD, ActionKind.RELEASE}), None)
    if last is None or last.action is ActionKind.RELEASE:
        return None
    return Held(by=last.by, at=last.at, action=last.name, reason=last.reason)


def _ref(source: RevisionSource) -> RevisionRef:
    return RevisionRef(revision=source.revision, version=source.version, workload=source.workload)


def sources_of(records: Sequence[Mapping[str, Any]]) -> dict[str, Source]:
    """The source of each revision in the records."""
    found: dict[str, Source] = {}
    for record in filter(None, map(parse, records)):
        for source in filter(None, (record.spec.stable, record.spec.candidate)):
            # Records can be forged: a source counts only if its hash is the revision.
            if source.revision == revision_of(source.model, source.predictor):
                found[source.revision] = (source.model, source.predictor)
    return found


def with_entry(status: PromotionRecordStatus, entry: TimelineEntry) -> PromotionRecordStatus:
    """The status with one more timeline entry, unless the last one has the same weight, reason and shadow."""
    last = status.timeline[-1] if status.timeline else None
    if last is not None and (last.weight, last.reason, last.shadow) == (entry.weight, entry.reason, entry.shadow):
        return status
    return status.model_copy(update={"timeline": [*status.timeline, entry][-200:]})


def with_actions(
    status: PromotionRecordStatus, record: str, answered: Sequence[AnsweredAction]
) -> PromotionRecordStatus:
    """The status with the new actions on this rollout; ``answered`` is newest first.

    Of more than ``MOST_ACTIONS`` the oldest refused ones are dropped first.
    """
    known = {action.uid for action in status.actions}
    fresh = [a for a in reversed(answered) if a.rollout == record and a.uid not in known]
    every = [*status.actions, *fresh]
    refused = [a for a in every if a.outcome is ActionOutcome.REFUSED]
    surplus = {a.uid for a in refused[: max(0, len(every) - MOST_ACTIONS)]}
    kept = [a for a in every if a.uid not in surplus][-MOST_ACTIONS:]
    return status.model_copy(update={"actions": kept}) if kept != status.actions else status


def with_outcome(
    status: PromotionRecordStatus, finish: Finish, *, now: datetime, assessment: Assessment
) -> PromotionRecordStatus:
    """The status with the rollout's outcome and the candidate's requests per SLO."""
    breach = assessment.breach
    return status.model_copy(
        update={
            "outcome": finish.outcome,
            "reason": finish.reason,
            "message": finish.message,
            "decided_at": finish.decided_at,
            "finished_at": now,
            "judge_version": JUDGE_VERSION,
            "first_breach_at": breach.breached_at if breach else None,
            "requests": {slo.name: slo.candidate.total for slo in assessment.slos},
            "bad_requests": {slo.name: slo.candidate.bad for slo in assessment.slos},
        }
    )


def has_room(status: PromotionRecordStatus) -> bool:
    """Whether further blocks fit. Windows without room are read from Prometheus again after a restart."""
    return len(status.blocks) < MOST_BLOCKS


def with_blocks(status: PromotionRecordStatus, blocks: Sequence[WindowBlock]) -> PromotionRecordStatus:
    """The status with further blocks of windows; a block that it has already is skipped."""
    known = {(block.slo, block.start) for block in status.blocks}
    fresh = [block for block in blocks if (block.slo, block.start) not in known]
    return status.model_copy(update={"blocks": [*status.blocks, *fresh]}) if fresh else status
