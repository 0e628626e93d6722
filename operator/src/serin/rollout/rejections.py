"""Which revisions were rejected: what a status has to know before a rollout begins."""

from __future__ import annotations

from serin.api.status import ModelDeploymentStatus, Rejection
from serin.rollout.context import DecisionContext
from serin.rollout.views import KEPT_REJECTIONS, RecordView, with_pending
from serin.schema.reasons import Reason


def rejections(context: DecisionContext, status: ModelDeploymentStatus) -> list[Rejection]:
    """The rejections of status, and those that the records and the pending outcomes tell, the newest first.

    A rollout reads its own record only, and knows by its status what others have rejected. Its candidate is none of
    them: it is tried again because somebody asked for it.
    """
    pending = {ended.record: ended for ended in status.pending_outcomes}
    own = status.candidate.revision if status.candidate is not None else None
    found, decided = list(status.rejected), {own, *(rejection.revision for rejection in status.rejected)}
    for record in reversed(context.observed.records):
        known = with_pending(record, pending)
        if not known.decides or known.candidate.revision in decided:
            continue
        decided.add(known.candidate.revision)
        if known.rejects:
            found.append(_rejection(known))
    return sorted(found, key=lambda rejection: rejection.at, reverse=True)[:KEPT_REJECTIONS]


def _rejection(record: RecordView) -> Rejection:
    return Rejection(
        revision=record.candidate.revision,
        version=record.candidate.version,
        hash=record.candidate.hash,
        at=record.decided_at or record.started_at,
        reason=record.reason or Reason.SLO_BREACHED,
        record=record.name,
    )
