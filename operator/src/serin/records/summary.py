"""What does a later decision need of a finished record? Its printer columns have it, so history costs nothing.

A record may have hundreds of KiB of windows. Outside of rollouts a ModelDeployment's records are listed as a table of
their printer columns; one that is not finished, or whose columns are those of an earlier Serin, is read whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from serin.api.revision import workload_name
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


def view_of(row: Mapping[str, Any], model_deployment: str) -> RecordView | None:
    """The record as decisions see it, from a row of the table; None if it has to be read whole."""
    try:
        found = _Columns.model_validate(row.get("columns"))
    except ValidationError:
        return None

    def ref(revision: str, version: str) -> RevisionRef:
        # A finished record says nothing of what served it; only names are compared.
        name = workload_name(model_deployment, revision)
        unknown = Workload(api_version="", kind="", name=name)
        return RevisionRef(revision=revision, version=version, workload=unknown)

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
