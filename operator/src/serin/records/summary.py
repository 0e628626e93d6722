"""Reads the part of a finished record that later decisions need from its printer columns.

A record may have hundreds of KiB of windows. Outside of rollouts the records of a ModelDeployment are listed as a table
of their printer columns. A record that is not finished, or has the columns of an earlier Serin, is read completely.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from serin.api import names
from serin.api.status import RevisionRef
from serin.api.workload import Workload
from serin.rollout.views import RecordView
from serin.schema.reasons import Outcome, Reason
from serin.schema.types import ApiModel, Name, Sha256, Time, Word
from serin.schema.words import Stored


def _absent(value: object) -> object:
    return value or None


class _Columns(ApiModel):
    """The printer columns of a finished record (``tools.crdgen``)."""

    attempt: Annotated[int, Field(alias="Attempt")]
    revision: Annotated[Name, Field(alias="Revision")]
    version: Annotated[Word, Field(alias="Version")]
    stable: Annotated[Name | None, Field(alias="Stable")]
    stable_version: Annotated[Word | None, Field(alias="Stable Version")]
    started: Annotated[Time, Field(alias="Started")]
    hash: Annotated[Sha256 | None, BeforeValidator(_absent), Field(alias="Hash")] = None
    """Absent in a record of an earlier Serin, or with its definitions."""
    stable_hash: Annotated[Sha256 | None, BeforeValidator(_absent), Field(alias="Stable Hash")] = None
    outcome: Annotated[Stored[Outcome], Field(alias="Outcome")]
    reason: Annotated[Stored[Reason] | None, Field(alias="Reason")]
    decided: Annotated[Time | None, Field(alias="Decided")]
    finished: Annotated[Time, Field(alias="Finished")]
    record_hash: Annotated[Sha256 | None, BeforeValidator(_absent), Field(alias="Record Hash")] = None
    """Absent in a record that an earlier Serin finished, or with its definitions."""
    previous_hash: Annotated[Sha256 | None, BeforeValidator(_absent), Field(alias="Previous Hash")] = None


def is_exported(metadata: Mapping[str, Any], record_hash: str | None) -> bool:
    """Whether somebody has marked the record, with this content, as exported."""
    return record_hash is not None and (metadata.get("annotations") or {}).get(names.EXPORTED) == record_hash


def attempt_of(row: Mapping[str, Any]) -> int | None:
    """The number of the attempt in a row, of a record that is not finished, too; None if it has none."""
    number = (row.get("columns") or {}).get("Attempt")
    return number if isinstance(number, int) else None


def view_of(row: Mapping[str, Any], workload_of: Callable[[str], Workload]) -> RecordView | None:
    """The view of a record from its row of the table; None if the complete record has to be read.

    ``workload_of`` gives the workload that serves a revision, which is not in the row.
    """
    try:
        found = _Columns.model_validate(row.get("columns"))
    except ValidationError:
        return None

    def ref(revision: str, version: str, whole: str | None) -> RevisionRef:
        return RevisionRef(revision=revision, version=version, hash=whole, workload=workload_of(revision))

    return RecordView(
        name=str(row["metadata"]["name"]),
        attempt=found.attempt,
        candidate=ref(found.revision, found.version, found.hash),
        stable=ref(found.stable, found.stable_version or "?", found.stable_hash) if found.stable else None,
        policy=None,
        started_at=found.started,
        outcome=found.outcome,
        reason=found.reason,
        decided_at=found.decided,
        hash=found.record_hash,
        previous_hash=found.previous_hash,
        finished_at=found.finished,
        exported=is_exported(row["metadata"], found.record_hash),
    )
