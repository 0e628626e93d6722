"""Which records are read, and how much of each? The rollout's own whole, and of history only what decisions need."""

from __future__ import annotations

from functools import partial

from serin.api import names
from serin.api.status import ModelDeploymentStatus
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.errors import NotFound
from serin.records.build import view
from serin.records.summary import view_of
from serin.rollout.observation import Part, RecordView
from serin.traffic.reader import Reader


async def read_records(cluster: Cluster, namespace: str, name: str, status: ModelDeploymentStatus) -> list[Object]:
    """During a rollout its own record; otherwise all of them, of the finished ones only the printer columns.

    History costs nothing: a record may be large, and a finished one is not read again.
    """
    if status.rollout is not None and status.phase is not None:
        own = await get_or_none(cluster, resources.PROMOTION_RECORDS, namespace, status.rollout.record)
        return [own] if own else []
    selector = f"{names.MODEL_DEPLOYMENT}={name},{names.OWNED_SELECTOR}"
    rows = await cluster.list_rows(resources.PROMOTION_RECORDS, namespace, selector)
    short = [row for row in rows if view_of(row, name) is not None]
    whole = {row["metadata"]["name"] for row in rows} - {row["metadata"]["name"] for row in short}
    read = [await get_or_none(cluster, resources.PROMOTION_RECORDS, namespace, record) for record in sorted(whole)]
    return [*short, *filter(None, read)]


def record_views(reader: Reader, records: list[Object], name: str, *, own: bool) -> list[RecordView]:
    """The records as decisions see them.

    One that cannot be read is not ours (anybody may create objects); the rollout's ``own`` record is, and is unknown.
    """
    if own:
        return list(filter(None, (reader.parse(Part.RECORDS, partial(_view, record)) for record in records)))
    return list(filter(None, (view(r) if "spec" in r else view_of(r, name) for r in records)))


def _view(record: Object) -> RecordView:
    """A record as decisions see it; ``ValueError`` for one that cannot be read."""
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
