"""Reads the part of a finished record that later decisions need from its printer columns.

A record may have hundreds of KiB of windows. Outside of rollouts the records of a ModelDeployment are listed as a table
of their printer columns. A record that is not finished, or has the columns of an earlier Serin, is read completely.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from serin.api.status import RevisionRef, Workload
from serin.rollout.observation import RecordView
from serin.schema.reasons import Outcome, Reason
from serin.schema.types import ApiModel, Name, Time, Word
from serin.schema.words import Stored


class _Columns(ApiModel):
    """The printer columns of a finished record (``tools.crdgen``)."""

    attempt: Annotated[int, Field(alias="Attempt")]
    revision: Annotated[Name, Field(alias="Revision")]
    version: Annotated[Word, Field(alias="Version")]
    stable: Annotated[Name | None, Field(alias="Stable")]
    stable_version: Annotated[Word | None, Field(alias="Stable Version")]
    started: Annotated[Time, Field(alias="Started")]
    outcome: Annotated[Stored[Outcome], Field(alias="Outcome")]
    reason: Annotated[Stored[Reason] | None, Field(alias="Reason")]
    decided: Annotated[Time | None, Field(alias="Decided")]
    finished: Annotated[Time, Field(alias="Finished")]


def view_of(row: Mapping[str, Any], workload_of: Callable[[str], Workload]) -> RecordView | None:
    """The view of a record from its row of the table; None if the complete record has to be read.

    ``workload_of`` gives the workload that serves a revision, which is not in the row.
    """
    try:
        found = _Columns.model_validate(row.get("columns"))
    except ValidationError:
        return None

    def ref(revision: str, version: str) -> RevisionRef:
        return RevisionRef(revision=revision, version=version, workload=workload_of(revision))

    return RecordView(
        name=str(row["metadata"]["name"]),
        attempt=found.attempt,
        candidate=ref(found.revision, found.version),
        stable=ref(found.stable, found.stable_version or "?") if found.stable else None,
        policy=None,
        started_at=found.started,
        outcome=found.outcome,
        reason=found.reason,
        decided_at=found.decided,
    )
