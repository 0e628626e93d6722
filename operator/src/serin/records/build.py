"""Converts a rollout to a PromotionRecord and back. Pure: objects in, objects out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from serin.api import API_VERSION, names
from serin.api.managed_fields import revision_manager
from serin.api.model_digest import digest_label
from serin.api.people import AnsweredAction
from serin.api.promotion_action import ActionOutcome
from serin.api.promotion_policy import STORED, PromotionPolicySpec
from serin.api.promotion_record import (
    MOST_ACTIONS,
    MOST_ENTRIES,
    PolicySnapshot,
    PromotionRecord,
    PromotionRecordSpec,
    PromotionRecordStatus,
    RequestedBy,
    RevisionSource,
    RollbackCost,
    ServedArm,
    ServedArms,
    TimelineEntry,
)
from serin.api.revision import REVISION_LENGTH, Source, content_hash, hash_of
from serin.api.status import RevisionRef
from serin.evidence import Assessment
from serin.judge import JUDGE_VERSION
from serin.records.gates import approvals_of, gates_of
from serin.records.parts import KEPT
from serin.records.summary import is_exported
from serin.records.words import words_of
from serin.rollout.decision import Finish, RecordPlan
from serin.rollout.observation import Arm
from serin.rollout.views import RecordView
from serin.schema.reasons import Outcome
from serin.schema.types import LONGEST_USER


def new(
    plan: RecordPlan,
    *,
    owner: tuple[str, str],
    source_of: Callable[[RevisionRef], Source | None],
    policy: tuple[str, Mapping[str, Any]] | None,
    requested_by: RequestedBy | None = None,
    contact: str = "",
    missing: Sequence[int] = (),
) -> dict[str, Any]:
    """The record of a rollout that starts; ``owner`` is (namespace, ModelDeployment), ``policy`` (name, spec).

    ``source_of`` gives what was written for a revision; None if that stands in an earlier record. ``contact`` is whom
    to ask about the model. ``missing`` has the earlier attempts without a record.
    """
    namespace, model_deployment = owner
    snapshot = PolicySnapshot(name=policy[0], hash=content_hash(policy[1]), spec=dict(policy[1])) if policy else None
    spec = PromotionRecordSpec(
        model_deployment=model_deployment,
        attempt=plan.attempt,
        candidate=_source(plan.candidate, source_of),
        stable=_source(plan.stable, source_of) if plan.stable else None,
        policy=snapshot if plan.stable else None,
        judge_version=JUDGE_VERSION,
        started_at=plan.started_at,
        requested_by=requested_by,
        missing_attempts=list(missing) or None,
    )
    labels = {
        names.MANAGED_BY: names.MANAGER,
        names.MODEL_DEPLOYMENT: model_deployment,
        names.REVISION: plan.candidate.revision,
    }
    digest = digest_label(spec.candidate.model, spec.candidate.predictor)
    if digest is not None:
        labels[names.MODEL_DIGEST] = digest
    metadata: dict[str, Any] = {"name": plan.name, "namespace": namespace, "labels": labels}
    if contact:  # beside the content: whom to ask is no fact of the rollout, and in no hash
        metadata["annotations"] = {names.CONTACT: contact}
    return {"apiVersion": API_VERSION, "kind": "PromotionRecord", "metadata": metadata, "spec": spec.to_api()}


def requested_by(obj: Mapping[str, Any]) -> RequestedBy | None:
    """Who asked for the revision in spec, as the ModelDeployment itself tells it; None if it tells nothing.

    An annotation that is no user's name is left out, not cut: a part of a name may be somebody else's name.
    """
    manager, user = revision_manager(obj), (obj["metadata"].get("annotations") or {}).get(names.REQUESTED_BY)
    if not isinstance(user, str) or not 0 < len(user) <= LONGEST_USER or not user.isprintable():
        user = None
    return RequestedBy(field_manager=manager or None, user=user) if manager or user else None


def _source(ref: RevisionRef, source_of: Callable[[RevisionRef], Source | None]) -> RevisionSource:
    known = source_of(ref)
    source = known or Source({}, {})
    return RevisionSource(
        revision=ref.revision,
        version=ref.version,
        hash=known.hash if known else ref.hash,
        workload=ref.workload,
        digest=source.model.get("digest"),
        model=dict(source.model),
        predictor=dict(source.predictor),
        transformer=dict(source.transformer) if source.transformer is not None else None,
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
        policy = PromotionPolicySpec.model_validate(spec.policy.spec, context={STORED: True}) if spec.policy else None
    except ValidationError as error:
        first = error.errors()[0]
        unreadable = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"[:200]
    words, last = words_of(status.actions, status.timeline, policy), status.timeline[-1] if status.timeline else None
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
        held=words.held,
        promote=words.promote,
        advances=words.advances,
        weight=last.weight if last is not None else None,
        weight_reason=last.reason if last is not None else None,
        hash=status.hash,
        previous_hash=status.previous_hash,
        finished_at=status.finished_at,
        exported=is_exported(obj["metadata"], status.hash),
        requested_by=spec.requested_by.user if spec.requested_by is not None else None,
        gates=gates_of(status),
        approvals=approvals_of(status),
    )


def _ref(source: RevisionSource) -> RevisionRef:
    whole = source.hash or _computed_hash(source)
    return RevisionRef(revision=source.revision, version=source.version, hash=whole, workload=source.workload)


def _computed_hash(source: RevisionSource) -> str | None:
    """The hash of the content that a record has; None if it has none, or another revision's."""
    whole = hash_of(source.model, source.predictor, source.transformer)
    return whole if whole.startswith(source.revision) and len(source.revision) == REVISION_LENGTH else None


def sources_of(records: Sequence[Mapping[str, Any]]) -> dict[str, Source]:
    """The sources in the records by their whole hashes; those of the record that was created first come first.

    Records can be forged: a source counts only if its content hashes to what the record states.
    """
    found: dict[str, Source] = {}
    for obj in sorted(records, key=lambda obj: str(obj["metadata"].get("creationTimestamp", ""))):
        record = parse(obj)
        for source in (record.spec.candidate, record.spec.stable) if record else ():
            whole = _computed_hash(source) if source else None
            if source is not None and whole is not None and source.hash in {None, whole}:
                found.setdefault(whole, Source(source.model, source.predictor, source.transformer))
    return found


def source_of(revision: str, whole: str | None, sources: Mapping[str, Source]) -> Source | None:
    """What was written for a revision: by its whole hash, or by its name if the hash is not known."""
    if whole is not None:
        return sources.get(whole)
    return next((source for other, source in sources.items() if other.startswith(revision)), None)


def with_entry(status: PromotionRecordStatus, entry: TimelineEntry) -> PromotionRecordStatus:
    """The status with one more timeline entry, unless the last one has the same weight, reason and shadow."""
    last = status.timeline[-1] if status.timeline else None
    if last is not None and (last.weight, last.reason, last.shadow) == (entry.weight, entry.reason, entry.shadow):
        return status
    entries = [*status.timeline, entry]
    if len(entries) > MOST_ENTRIES:  # no part could be written for long; the first ones date the first requests
        del entries[KEPT]
    return status.model_copy(update={"timeline": entries})


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
    breach, begun = assessment.breach, first_request(status)
    status = status.model_copy(
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
            "exposed_at": begun,
        }
    )
    if finish.outcome is Outcome.PROMOTED or begun is None:
        return status
    delay = max(finish.decided_at - begun, timedelta())
    return status.model_copy(update={"detection_delay": delay, "cost": _cost(assessment)})


def first_request(status: PromotionRecordStatus) -> datetime | None:
    """When the candidate first got requests of any kind; None if it got none."""
    return next((entry.at for entry in status.timeline if entry.weight or entry.shadow), None)


def _cost(assessment: Assessment) -> RollbackCost | None:
    """What the candidate has cost; None if no SLO counted a request of it."""
    counted = assessment.breach or next((slo for slo in assessment.slos if slo.candidate.total), None)
    if counted is None:
        return None
    own, stable = counted.candidate, counted.stable
    usual = own.total * stable.bad / stable.total if stable.total else 0.0
    excess = max(0, round(own.bad - usual))
    return RollbackCost(slo=counted.name, requests=own.total, bad_requests=own.bad, excess_bad_requests=excess)


def with_served(status: PromotionRecordStatus, candidate: Arm | None, stable: Arm | None) -> PromotionRecordStatus:
    """The status with what the arms run; what is known already stays, as it was when the rollout began."""
    known = status.served or ServedArms()
    served = ServedArms(candidate=known.candidate or _served(candidate), stable=known.stable or _served(stable))
    if served == known or (served.candidate is None and served.stable is None):
        return status
    return status.model_copy(update={"served": served})


def _served(arm: Arm | None) -> ServedArm | None:
    if arm is None or not arm.image:
        return None
    return ServedArm(image=arm.image[:1024], image_id=arm.image_id[:1024] or None, runtime=arm.runtime[:128] or None)
