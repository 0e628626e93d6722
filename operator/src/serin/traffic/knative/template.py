"""The InferenceService of a ModelDeployment in Knative mode, and the template of one revision in it.

What tells revisions apart stands in the labels and annotations of ``spec.predictor``: KServe hands them on to the
Knative revision. Those of the InferenceService's own metadata would do the same, and must not change.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from serin.api import names
from serin.api.revision import Source
from serin.api.status import RevisionRef
from serin.cluster.client import Object
from serin.traffic.kserve.predictor import KSERVE_API, merge_patch, with_model_source
from serin.traffic.owner import Owner

PERCENT = "canaryTrafficPercent"
HEALING = ".healing"
"""End of the mark of a template that takes a candidate's place for what KServe did; nobody lowered its weight then."""
REPAIRED = ".repaired"
"""End of the mark of a template that somebody had edited, and that was written again."""
RESIZED = ".resized"
"""End of the mark of a template that was written for its scaling fields."""


def inference_service(owner: Owner, name: str, predictor: Mapping[str, Any]) -> Object:
    """The InferenceService as it is created. Of its metadata only a lost owner is ever written again."""
    metadata = owner.metadata(name)
    metadata["annotations"] = {"serving.kserve.io/deploymentMode": "Knative"}
    return {
        "apiVersion": KSERVE_API,
        "kind": "InferenceService",
        "metadata": metadata,
        "spec": {"predictor": dict(predictor)},
    }


def template(owner: Owner, ref: RevisionRef, source: Source, *, mark: str, judged: bool) -> dict[str, Any]:
    """The predictor that serves ``ref``; ``TypeError``, ``LookupError``, ``AttributeError`` for an unusable source.

    ``judged``: it has at least one replica. A revision without one answers its first request when the model is loaded.
    """
    predictor = with_model_source(copy.deepcopy(dict(source.predictor)), source.model, owner.name)
    predictor["labels"] = {**predictor.get("labels", {}), names.REVISION: ref.revision, names.VERSION: ref.version}
    predictor["annotations"] = {
        **predictor.get("annotations", {}),
        names.CONTENT_HASH: source.hash,
        names.TEMPLATE: mark,
    }
    if judged and predictor.get("minReplicas") == 0:
        predictor["minReplicas"] = 1
    return predictor


def mark_of(actual: Mapping[str, Any]) -> str:
    """The mark of the template that is there; empty without one."""
    predictor = actual["spec"].get("predictor") or {}
    return str((predictor.get("annotations") or {}).get(names.TEMPLATE, ""))


def next_mark(actual: Mapping[str, Any] | None, revision: str, *, end: str = "") -> str:
    """The mark of a template that is written now. No other write has it: each one of spec is a new generation.

    ``end``: ``HEALING``, or ``REPAIRED`` or ``RESIZED`` behind the number of times in a row.
    """
    generation = int(actual["metadata"].get("generation", 0)) if actual is not None else 0
    return f"{revision}.{generation + 1}{end}"


def owned(actual: Mapping[str, Any], owner: Owner) -> Object:
    """The merge patch that gives the owner back. KServe copies labels and annotations into the template, no owner."""
    kept = {"resourceVersion": actual["metadata"]["resourceVersion"]}
    return {"metadata": {**kept, "ownerReferences": [owner.reference()]}}


def patch_of(actual: Mapping[str, Any], predictor: Mapping[str, Any] | None, percent: int | None) -> Object:
    """The merge patch to ``predictor`` (None: as it is) and ``percent`` (None: without the field), in one write.

    It fails if the InferenceService has changed since it was read.
    """
    now = actual["spec"]["predictor"]
    wanted = {key: value for key, value in (now if predictor is None else predictor).items() if key != PERCENT}
    if percent is not None:
        wanted[PERCENT] = percent
    different = merge_patch(now, wanted)
    return {
        "metadata": {"resourceVersion": actual["metadata"]["resourceVersion"]},
        "spec": {"predictor": different},
    }
