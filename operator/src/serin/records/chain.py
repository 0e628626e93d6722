"""The chain of the finished PromotionRecords of one ModelDeployment: each states the hash of the one before it.

A hash depends on nothing that a backup loses (``uid``, ``creationTimestamp``, ``resourceVersion``) and on nothing that
others may write (labels, annotations).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import rfc8785

from serin.api.promotion_record import ChainStart
from serin.rollout.views import RecordView

LARGEST_EXACT = 2**53 - 1
"""Beyond it a JSON number is no longer exact for everybody (RFC 8785 takes numbers as IEEE 754 doubles)."""


def canonical(value: object) -> bytes:
    """The JSON of ``value`` by RFC 8785. A whole number that is not exact there is written as a string of its digits.

    ``ValueError`` for what is no JSON.
    """
    return rfc8785.dumps(_exact(value))  # type: ignore[arg-type]


def _exact(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    too_large = isinstance(value, int) and not -LARGEST_EXACT <= value <= LARGEST_EXACT
    return str(value) if too_large else value


def record_hash(obj: Mapping[str, Any]) -> str:
    """The hash of a PromotionRecord, or of a part of one, as ``status.hash`` states it."""
    metadata = obj["metadata"]
    status = {key: value for key, value in (obj.get("status") or {}).items() if key != "hash"}
    body = {"name": metadata["name"], "namespace": metadata["namespace"], "spec": obj["spec"], "status": status}
    return hashlib.sha256(canonical(body)).hexdigest()


def sealed(obj: Mapping[str, Any], status: Mapping[str, Any]) -> dict[str, Any]:
    """``status``, which finishes ``obj``, with the hash of both."""
    return {**status, "hash": record_hash({**obj, "status": status})}


@dataclass(frozen=True, slots=True)
class Link:
    """What a record that is being finished says of the one before it: its hash, or why there is none."""

    previous_hash: str | None = None
    start: ChainStart | None = None


def head_of(records: Iterable[RecordView]) -> RecordView | None:
    """The record that was finished last: no other one names its hash. None if none has a hash.

    The links decide and no clock does: of two replicas one may be ahead. The time decides between two ends only, of
    which one is not Serin's.
    """
    hashed = [record for record in records if record.hash is not None]
    named = {record.previous_hash for record in hashed}
    ends = [record for record in hashed if record.hash not in named]
    oldest = datetime.min.replace(tzinfo=UTC)
    return max(ends, key=lambda record: (record.finished_at or oldest, record.attempt), default=None)


def is_linked(records: Iterable[RecordView], *, retention: bool) -> bool:
    """Whether each finished record names the one before it. Its content is looked at by ``serin verify`` only.

    With ``retention`` a record may be gone that another one names: Serin deletes old ones itself.
    """
    finished = sorted((r for r in records if r.finished), key=lambda record: record.attempt)
    attempts = {record.attempt for record in finished}
    hashed = [record for record in finished if record.hash is not None]
    hashes, named = {record.hash for record in hashed}, [r.previous_hash for r in hashed if r.previous_hash]
    if not hashed:
        return True
    if len(named) != len(set(named)) or any(r.hash is None and r.attempt > hashed[0].attempt for r in finished):
        return False
    begins = [record for record in hashed if record.previous_hash not in hashes]
    deleted = [r for r in begins if retention and r.previous_hash is not None and r.attempt - 1 not in attempts]
    return len(begins) - len(deleted) <= 1


def link_to(others: Iterable[RecordView], attempt: int) -> Link:
    """The link of the record of ``attempt``; ``others`` are all other records of the ModelDeployment."""
    known = list(others)
    head = head_of(known)
    if head is not None:
        return Link(previous_hash=head.hash)
    if known:
        newest = max(known, key=lambda record: record.attempt).name
        message = f"{newest} and those before it have no hash: an earlier Serin finished them, or they are not finished"
        return Link(start=ChainStart(reason="PreviousWithoutHash", message=message))
    if attempt > 1:
        message = f"this is attempt {attempt}, and there was no record of an earlier one: they were deleted"
        return Link(start=ChainStart(reason="PreviousMissing", message=message))
    return Link(start=ChainStart(reason="FirstRecord", message="there was no other record of this ModelDeployment"))


def unreadable(why: str) -> Link:
    """The link where the other records could not be listed in time."""
    message = f"the other records could not be listed: {why}"[:512]
    return Link(start=ChainStart(reason="PreviousUnreadable", message=message))
