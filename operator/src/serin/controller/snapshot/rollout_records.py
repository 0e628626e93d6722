"""Reads the PromotionRecords of a ModelDeployment: complete during a rollout, otherwise as rows of printer columns."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from serin.api import names
from serin.api.status import ModelDeploymentStatus
from serin.api.workload import Workload
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.errors import NotFound
from serin.records.build import parse, view
from serin.records.summary import view_of
from serin.rollout.observation import Part
from serin.rollout.views import RecordView
from serin.traffic.reader import Reader

WorkloadOf = Callable[[str], Workload]
"""Returns the workload that serves a revision of the ModelDeployment."""


async def read_records(
    cluster: Cluster,
    key: tuple[str, str],
    status: ModelDeploymentStatus,
    workload_of: WorkloadOf,
    taken: Collection[str] = (),
) -> list[Object]:
    """During a rollout its own record. Otherwise all records: finished ones as rows, the others complete.

    ``taken`` are names under which Serin found another object than its own: a record there is not believed.

    A record may have hundreds of KiB of windows, so that a pass must not read all finished ones.
    """
    namespace, name = key
    if status.rollout is not None and status.phase is not None:
        own = await get_or_none(cluster, resources.PROMOTION_RECORDS, namespace, status.rollout.record)
        return [own] if own and status.rollout.record not in taken and _is_own(own, status) else []
    selector = f"{names.MODEL_DEPLOYMENT}={name},{names.OWNED_SELECTOR}"
    rows = await cluster.list_rows(resources.PROMOTION_RECORDS, namespace, selector)
    usable = [row for row in rows if view_of(row, workload_of) is not None]
    rest = {row["metadata"]["name"] for row in rows} - {row["metadata"]["name"] for row in usable}
    read = [await get_or_none(cluster, resources.PROMOTION_RECORDS, namespace, record) for record in sorted(rest)]
    return [*usable, *filter(None, read)]


def _is_own(obj: Object, status: ModelDeploymentStatus) -> bool:
    """Whether the record states what the status says of the rollout. One that cannot be read is told by its view."""
    record, rollout = parse(obj), status.rollout
    if record is None or rollout is None or status.candidate is None:
        return True
    spec, stable = record.spec, status.stable
    same_stable = spec.stable is None if stable is None else spec.stable is not None and stable.is_same(spec.stable)
    return same_stable and spec.candidate.is_same(status.candidate) and spec.started_at == rollout.started_at


def record_views(reader: Reader, records: list[Object], workload_of: WorkloadOf, *, own: bool) -> list[RecordView]:
    """The views of the records; those that are malformed are left out, since anybody may create objects.

    With ``own`` they are the current rollout's record: if it is malformed, ``Part.RECORDS`` is marked as unknown.
    """
    if own:
        return list(filter(None, (reader.parse(Part.RECORDS, partial(_view, record)) for record in records)))
    return list(filter(None, (view(r) if "spec" in r else view_of(r, workload_of) for r in records)))


def _view(record: Object) -> RecordView:
    """The view of a record; ``ValueError`` if it is malformed."""
    found = view(record)
    if found is None:
        message = f"PromotionRecord {record['metadata']['name']} is not one that this version of Serin can read"
        raise ValueError(message)
    return found


async def get_or_none(cluster: Cluster, resource: resources.Resource, namespace: str, name: str) -> Object | None:
    """The object, or None if it does not exist."""
    try:
        return await cluster.get(resource, namespace, name)
    except NotFound:
        return None
