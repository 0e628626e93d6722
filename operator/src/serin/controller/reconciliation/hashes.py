"""Completes the hashes of revisions in a status that an earlier Serin wrote, from the records."""

from __future__ import annotations

from collections.abc import Mapping

from serin.api import names
from serin.api.model_deployment import ModelDeployment
from serin.api.revision import REVISION_LENGTH, revision_of
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.records.build import sources_of
from serin.rollout.observation import Part
from serin.traffic.reader import Reader


async def with_hashes(
    cluster: Cluster, reader: Reader, obj: Object, parsed: ModelDeployment, records: list[Object]
) -> ModelDeployment:
    """The ModelDeployment with the hashes that its complete records know.

    The status as it was read counts as completed, too: the hashes are written with its next change, and by themselves
    they cause no write. While nothing changes no record is read for them; when spec has changed and asks for a name
    without a hash, the records of that name are.
    """
    known = _hashes(records)
    spec, status = obj["spec"], parsed.status
    revision = revision_of(spec["model"], spec["predictor"])
    lacking = {ref.revision for ref in _refs(status) if ref.hash is None} - known.keys()
    changed = obj["metadata"].get("generation") != status.observed_generation
    if status.rollout is None and changed and revision in lacking:
        metadata = obj["metadata"]
        selector = f"{names.MODEL_DEPLOYMENT}={metadata['name']},{names.REVISION}={revision}"
        listed = cluster.list(resources.PROMOTION_RECORDS, metadata["namespace"], selector)
        known |= _hashes(await reader.read(Part.RECORDS, listed) or [])
    if not any(ref.hash is None and ref.revision in known for ref in _refs(status)):
        return parsed
    return parsed.model_copy(update={"status": _completed(status, known)})


def _hashes(records: list[Object]) -> dict[str, str]:
    """The whole hashes by revision; the record that was created first decides."""
    found: dict[str, str] = {}
    for whole in sources_of([record for record in records if "spec" in record]):
        found.setdefault(whole[:REVISION_LENGTH], whole)
    return found


def _refs(status: ModelDeploymentStatus) -> list[RevisionRef]:
    return [ref for ref in (status.stable, status.candidate, status.previous, *status.draining) if ref is not None]


def _completed(status: ModelDeploymentStatus, known: Mapping[str, str]) -> ModelDeploymentStatus:
    def complete(ref: RevisionRef | None) -> RevisionRef | None:
        if ref is None or ref.hash is not None or ref.revision not in known:
            return ref
        return ref.model_copy(update={"hash": known[ref.revision]})

    changes = {name: complete(getattr(status, name)) for name in ("stable", "candidate", "previous")}
    return status.model_copy(update={**changes, "draining": [complete(ref) for ref in status.draining]})
