"""What the user wrote for a revision: from spec, or from the records."""

from __future__ import annotations

from collections.abc import Sequence

from serin.api import names
from serin.api.revision import Source
from serin.api.status import RevisionRef
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.records import build
from serin.traffic.backend import SourceOf


def source_at_hand(obj: Object, records: Sequence[Object], ref: RevisionRef) -> Source | None:
    """What was written for ``ref``: spec only if it has the same whole hash, otherwise the complete records."""
    spec = Source.of(obj["spec"])
    if ref.hash == spec.hash:
        return spec
    return build.source_of(ref.revision, ref.hash, build.sources_of(records))


async def recorded_source(cluster: Cluster, obj: Object, ref: RevisionRef) -> Source | None:
    """The source of ``ref``, from the records of the rollouts that it was in; ``ClusterError``."""
    metadata = obj["metadata"]
    selector = f"{names.MODEL_DEPLOYMENT}={metadata['name']},{names.REVISION}={ref.revision}"
    found = await cluster.list(resources.PROMOTION_RECORDS, metadata["namespace"], selector)
    return build.source_of(ref.revision, ref.hash, build.sources_of(found))


def sources(cluster: Cluster, obj: Object, records: Sequence[Object]) -> SourceOf:
    """Where a source comes from before a snapshot is complete: what is at hand, then the other records."""

    async def source_of(ref: RevisionRef) -> Source | None:
        return source_at_hand(obj, records, ref) or await recorded_source(cluster, obj, ref)

    return source_of
