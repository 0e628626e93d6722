"""Reads the PromotionRecords of a ModelDeployment: complete during a rollout, otherwise as rows of printer columns."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial

from serin.api import names
from serin.api.promotion_record import PromotionRecordSpec
from serin.api.status import ModelDeploymentStatus
from serin.api.workload import OfWorkload, Workload
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.errors import NotFound
from serin.records.build import parse, view
from serin.records.summary import attempt_of, view_of
from serin.rollout.observation import Part
from serin.rollout.views import RecordView
from serin.traffic.reader import Reader

WorkloadOf = Callable[[str], Workload]
"""Returns the workload that serves a revision of the ModelDeployment."""
MOST_MISSING = 100
"""Newest attempts without a record that the next record names."""


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
    rows = await cluster.list_rows(resources.PROMOTION_RECORDS, namespace, _selector(name))
    usable = [row for row in rows if view_of(row, workload_of) is not None]
    rest = {row["metadata"]["name"] for row in rows} - {row["metadata"]["name"] for row in usable}
    read = [await get_or_none(cluster, resources.PROMOTION_RECORDS, namespace, record) for record in sorted(rest)]
    return [*usable, *filter(None, read)]


def _is_own(obj: Object, status: ModelDeploymentStatus) -> bool:
    """Whether the record states what the status says of the rollout. One that cannot be read is told by its view."""
    record, rollout = parse(obj), status.rollout
    if record is None or rollout is None or status.candidate is None:
        return True
    return _is_of_rollout(record.spec, status.candidate, status.stable, rollout.started_at)


def is_same_record(one: PromotionRecordSpec, other: PromotionRecordSpec) -> bool:
    """Whether two records state the same of a rollout.

    What else was known when each was made may differ: the attempts that were missing, and the content of a revision,
    which counts by its hash only.
    """
    same = _is_of_rollout(one, other.candidate, other.stable, other.started_at)
    facts = [(spec.model_deployment, spec.attempt, spec.policy, spec.requested_by) for spec in (one, other)]
    return same and facts[0] == facts[1]


def _is_of_rollout(
    spec: PromotionRecordSpec, candidate: OfWorkload, stable: OfWorkload | None, started_at: datetime
) -> bool:
    same_stable = spec.stable is None if stable is None else spec.stable is not None and stable.is_same(spec.stable)
    return same_stable and spec.candidate.is_same(candidate) and spec.started_at == started_at


async def missing_attempts(cluster: Cluster, key: tuple[str, str], attempt: int) -> tuple[int, ...]:
    """The newest attempts before ``attempt`` that have no record, which the record of that attempt names.

    All records are asked for here: a pass in a rollout has read its own record only.
    """
    rows = await cluster.list_rows(resources.PROMOTION_RECORDS, key[0], _selector(key[1]))
    present = {attempt_of(row) for row in rows}
    return tuple(number for number in range(1, attempt) if number not in present)[-MOST_MISSING:]


def _selector(name: str) -> str:
    return f"{names.MODEL_DEPLOYMENT}={name},{names.OWNED_SELECTOR}"


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
