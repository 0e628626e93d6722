"""Which records of a ModelDeployment are no longer kept (DESIGN, section 4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from serin.api.status import ModelDeploymentStatus
from serin.rollout.observation import RecordView, Retention

AT_ONCE = 5
"""So many are deleted in one pass, so that a long history does not hold up anything."""


def expired(
    records: Iterable[RecordView], status: ModelDeploymentStatus, retention: Retention, now: datetime
) -> tuple[str, ...]:
    """Names of the oldest records that are neither new nor needed; ``records`` are all of the ModelDeployment's.

    The newest record of a revision that serves, that served before it or that is refused is needed: it says what is
    served, and why something is refused.
    """
    if not retention.count or status.rollout is not None:
        return ()
    ordered = sorted(records, key=lambda record: record.attempt)
    needed = {ref.revision for ref in (status.stable, status.previous) if ref is not None}
    needed |= {rejection.revision for rejection in status.rejected}
    newest = {record.candidate.revision: record.name for record in ordered}
    kept = {newest[revision] for revision in needed if revision in newest}
    old = [
        record.name
        for record in ordered[: -retention.count]
        if record.finished and record.decided_at is not None and now - record.decided_at > retention.age
    ]
    return tuple(name for name in old if name not in kept)[:AT_ONCE]
