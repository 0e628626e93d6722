"""A model that was rejected is no first deployment of another name, which would serve it without a step.

It is known by its digest. Later rollouts of it need no such rule: they go by steps and evidence.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from serin.api.model_digest import digest_to_read
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.rollout.context import DecisionContext
from serin.rollout.observation import Part
from serin.rollout.phases.start.starting import ask_again_at, unreadable
from serin.rollout.transition import Transition, whole_second, with_phase
from serin.rollout.views import RecordView, RejectionElsewhere
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from serin.schema.types import format_time


def is_first_start(status: ModelDeploymentStatus, wanted: RevisionRef) -> bool:
    """Whether ``wanted`` would be a first deployment that has not begun, and no Retry asks for it."""
    if status.stable is not None or (status.retry is not None and status.retry.revision == wanted.revision):
        return False
    return status.candidate is None or status.candidate.revision != wanted.revision


def newest_rejection(name: str, digest: str, records: Iterable[tuple[str, RecordView]]) -> RejectionElsewhere | None:
    """The newest rejection by a ModelDeployment other than ``name``; None if the model was promoted since.

    ``records`` are those of the model, each with its ModelDeployment.
    """
    known = list(records)
    rejecting = [(owner, record) for owner, record in known if owner != name and record.rejects]
    if not rejecting:
        return None
    owner, newest = max(rejecting, key=lambda found: _decided(found[1]))
    promoted = any(r.outcome is Outcome.PROMOTED and _decided(r) > _decided(newest) for _, r in known)
    return None if promoted else RejectionElsewhere(owner, newest, digest)


def rejected_elsewhere(context: DecisionContext, status: ModelDeploymentStatus) -> Transition | None:
    """Keeps a first deployment out while its model counts as rejected, or while that cannot be read."""
    wanted, found = context.observed.wanted, context.observed.rejected_elsewhere
    if wanted is None or not is_first_start(status, wanted):
        return None
    unread = unreadable(context, status, (Part.REJECTIONS,))
    if unread is not None or found is None:
        return unread
    record = found.record
    why = f"{record.reason.value}, " if record.reason is not None else ""
    message = (
        f"version {wanted.version} is model {digest_to_read(found.digest)}, which ModelDeployment "
        f"{found.model_deployment} took back at {format_time(whole_second(_decided(record)))} ({why}see "
        f"PromotionRecord {record.name}); as a first deployment it would serve all traffic without a step, so nothing "
        f"is created; change spec.model to another model, or create a PromotionAction Retry for revision "
        f"{wanted.revision}"
    )
    wake = ask_again_at(context, status, Reason.REJECTED_ELSEWHERE)
    return Transition(with_phase(status, Phase.PENDING), Reason.REJECTED_ELSEWHERE, message, wake, stalled=True)


def _decided(record: RecordView) -> datetime:
    return record.decided_at or record.started_at
