"""Asks the PromotionRecords of a namespace whether another ModelDeployment rejected a model, known by its digest."""

from __future__ import annotations

from serin.api import names
from serin.api.model_deployment import ModelDeployment
from serin.api.model_digest import digest_label, known_digest
from serin.api.status import RevisionRef
from serin.api.workload import Workload
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.controller.snapshot.rollout_records import get_or_none
from serin.records.build import parse, view
from serin.records.summary import view_of
from serin.rollout.observation import Part
from serin.rollout.phases.start.rejected_elsewhere import is_first_start, newest_rejection
from serin.rollout.views import RecordView, RejectionElsewhere
from serin.traffic.reader import Reader


async def rejection_elsewhere(
    cluster: Cluster, reader: Reader, obj: Object, parsed: ModelDeployment, wanted: RevisionRef | None
) -> RejectionElsewhere | None:
    """The rejection that holds a first deployment; ``Part.REJECTIONS`` is unknown if the records cannot be read.

    Nobody is asked for a rollout, for what serves, or for a model whose digest is not known.
    """
    digest = known_digest(obj["spec"]["model"], obj["spec"]["predictor"])
    if digest is None or wanted is None or not is_first_start(parsed.status, wanted):
        return None
    records = await reader.read(Part.REJECTIONS, _records_of(cluster, obj, wanted.workload))
    return newest_rejection(obj["metadata"]["name"], digest, records or [])


async def _records_of(cluster: Cluster, obj: Object, workload: Workload) -> list[tuple[str, RecordView]]:
    """The namespace's records of the model, each with its ModelDeployment: rows, and whole ones if not finished."""
    namespace = obj["metadata"]["namespace"]
    label = digest_label(obj["spec"]["model"], obj["spec"]["predictor"])
    selector = f"{names.MODEL_DIGEST}={label},{names.OWNED_SELECTOR}"
    found: list[tuple[str, RecordView]] = []
    for row in await cluster.list_rows(resources.PROMOTION_RECORDS, namespace, selector):
        owner, summary = row["columns"].get("Model"), view_of(row, lambda _: workload)
        if summary is None:
            whole = await get_or_none(cluster, resources.PROMOTION_RECORDS, namespace, row["metadata"]["name"])
            record, summary = (parse(whole), view(whole)) if whole is not None else (None, None)
            owner = record.spec.model_deployment if record is not None else None
        if summary is not None and owner:
            found.append((str(owner), summary))
    return found
