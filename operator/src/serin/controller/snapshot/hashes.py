"""Completes the hashes of revisions in a status that an earlier Serin wrote, from the records and the workloads.

The completed status counts as the one that was read: the hashes are written with its next change, and by themselves
they cause no write.
"""

from __future__ import annotations

from collections.abc import Mapping

from serin.api import names
from serin.api.model_deployment import ModelDeployment
from serin.api.revision import REVISION_LENGTH, Source
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.records.build import sources_of
from serin.rollout.observation import Part
from serin.traffic.owner import stated_hash
from serin.traffic.reader import Reader


async def with_recorded_hashes(
    cluster: Cluster, reader: Reader, obj: Object, parsed: ModelDeployment, records: list[Object]
) -> ModelDeployment:
    """The ModelDeployment with the hashes that its records know; ``records`` are those that were read completely.

    While nothing changes no further record is read; when spec has changed and asks for a name without a hash, those of
    that name are.
    """
    known = _hashes(records)
    status, revision = parsed.status, Source.of(obj["spec"]).revision
    lacking = {ref.revision for ref in _refs(status) if ref.hash is None} - known.keys()
    changed = obj["metadata"].get("generation") != status.observed_generation
    if status.rollout is None and changed and revision in lacking:
        metadata = obj["metadata"]
        selector = f"{names.MODEL_DEPLOYMENT}={metadata['name']},{names.REVISION}={revision}"
        listed = cluster.list(resources.PROMOTION_RECORDS, metadata["namespace"], selector)
        known |= _hashes(await reader.read(Part.RECORDS, listed) or [])
    return _completed(parsed, known)


def with_stated_hashes(parsed: ModelDeployment, own: Mapping[str, Object]) -> ModelDeployment:
    """The ModelDeployment with the hashes that Serin's own workloads state."""
    stated = ((revision, stated_hash(workload)) for revision, workload in own.items())
    return _completed(parsed, {revision: whole for revision, whole in stated if whole is not None})


def _hashes(records: list[Object]) -> dict[str, str]:
    """The whole hashes by revision; the record that was created first decides."""
    found: dict[str, str] = {}
    for whole in sources_of(records):
        found.setdefault(whole[:REVISION_LENGTH], whole)
    return found


def _refs(status: ModelDeploymentStatus) -> list[RevisionRef]:
    return [ref for ref in (status.stable, status.candidate, status.previous, *status.draining) if ref is not None]


def _completed(parsed: ModelDeployment, known: Mapping[str, str]) -> ModelDeployment:
    status = parsed.status
    if not any(ref.hash is None and ref.revision in known for ref in _refs(status)):
        return parsed

    def complete(ref: RevisionRef | None) -> RevisionRef | None:
        if ref is None or ref.hash is not None or ref.revision not in known:
            return ref
        return ref.model_copy(update={"hash": known[ref.revision]})

    changes = {name: complete(getattr(status, name)) for name in ("stable", "candidate", "previous")}
    draining = [complete(ref) for ref in status.draining]
    return parsed.model_copy(update={"status": status.model_copy(update={**changes, "draining": draining})})
