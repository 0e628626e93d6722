"""What does a later decision need of a finished record? A few words in an annotation, so that history costs nothing.

A record may have hundreds of KiB of windows. Outside of rollouts only the metadata of a ModelDeployment's records is
listed; a record without a summary (open, or of an earlier Serin) is read whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from serin.api import names
from serin.api.reasons import Outcome, Reason
from serin.api.status import RevisionRef
from serin.api.types import ApiModel, Name, Time, Word
from serin.records.build import parse
from serin.rollout.observation import RecordView


class RevisionSummary(ApiModel):
    """A revision, without what was written for it."""

    revision: Name
    version: Word
    inference_service: Name


class Summary(ApiModel):
    """What is kept of a finished record in its metadata."""

    attempt: int
    candidate: RevisionSummary
    stable: RevisionSummary | None = None
    started_at: Time
    outcome: Outcome
    reason: Reason | None = None
    decided_at: Time | None = None


def summary_patch(obj: Mapping[str, Any]) -> dict[str, Any] | None:
    """The merge patch that adds the summary to a finished record that has none; None for any other."""
    record = parse(obj)
    if record is None or record.status.outcome is None or record.status.finished_at is None:
        return None
    if names.SUMMARY in (obj["metadata"].get("annotations") or {}):
        return None
    summary = Summary(
        attempt=record.spec.attempt,
        candidate=RevisionSummary.model_validate(record.spec.candidate.model_dump()),
        stable=RevisionSummary.model_validate(record.spec.stable.model_dump()) if record.spec.stable else None,
        started_at=record.spec.started_at,
        outcome=record.status.outcome,
        reason=record.status.reason,
        decided_at=record.status.decided_at,
    )
    text = summary.model_dump_json(by_alias=True, exclude_none=True)
    return {"metadata": {"annotations": {names.SUMMARY: text}}}


def view_of(metadata: Mapping[str, Any]) -> RecordView | None:
    """The record as decisions see it, from its metadata; None if it has to be read whole."""
    text = (metadata.get("annotations") or {}).get(names.SUMMARY)
    if not isinstance(text, str):
        return None
    try:
        found = Summary.model_validate_json(text)
    except ValidationError:
        return None
    return RecordView(
        name=str(metadata["name"]),
        attempt=found.attempt,
        candidate=_ref(found.candidate),
        stable=_ref(found.stable) if found.stable else None,
        policy=None,
        started_at=found.started_at,
        outcome=found.outcome,
        reason=found.reason,
        decided_at=found.decided_at,
    )


def _ref(summary: RevisionSummary) -> RevisionRef:
    return RevisionRef.model_validate(summary.model_dump())
