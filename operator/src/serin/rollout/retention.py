"""Retention of PromotionRecords (DESIGN, section 4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from serin.api.status import ModelDeploymentStatus
from serin.rollout.observation import Retention
from serin.rollout.views import RecordView

MAX_DELETIONS = 5
"""Deletions per pass, so that a long history does not delay a pass."""


def expired(
    records: Iterable[RecordView], status: ModelDeploymentStatus, retention: Retention, now: datetime
) -> tuple[str, ...]:
    """Names of records to delete, oldest first; ``records`` are all records of the ModelDeployment.

    The newest record of the stable, the previous and each rejected revision is kept: it says why that revision serves
    or is rejected. Of two contents with one name both are kept: only one of them is what serves.
    """
    if not retention.count or status.rollout is not None:
        return ()
    ordered = sorted(records, key=lambda record: record.attempt)
    needed = {ref.revision for ref in (status.stable, status.previous) if ref is not None}
    needed |= {rejection.revision for rejection in status.rejected}
    newest = {(record.candidate.revision, record.candidate.hash): record.name for record in ordered}
    kept = {name for (revision, _), name in newest.items() if revision in needed}
    old = [
        record.name
        for record in ordered[: -retention.count]
        if record.finished
        and record.decided_at is not None
        and now - record.decided_at > retention.age
        and (record.exported or not retention.keeps_unexported)
    ]
    return tuple(name for name in old if name not in kept)[:MAX_DELETIONS]
