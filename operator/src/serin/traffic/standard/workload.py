"""The InferenceService of one revision in Standard mode.

After creation only the scaling fields of its components are changed (DESIGN, rule 12).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from serin.api import names
from serin.api.revision import Source, without_nulls, without_scaling
from serin.api.status import RevisionRef
from serin.traffic.kserve.predictor import KSERVE_API, with_model_source, with_served_name
from serin.traffic.owner import Owner

KSERVE_KEYS = "serving.kserve.io/"


def inference_service(owner: Owner, ref: RevisionRef, source: Source) -> dict[str, Any]:
    """The InferenceService of one revision."""
    predictor = copy.deepcopy(dict(source.predictor))
    spec = {"predictor": with_model_source(predictor, source.model, owner.name)}
    if source.transformer is not None:
        spec["transformer"] = with_served_name(copy.deepcopy(dict(source.transformer)), source.model, owner.name)
    metadata = owner.metadata(ref.workload.name)
    metadata["labels"] |= {
        names.REVISION: ref.revision,
        names.VERSION: ref.version,
        "networking.kserve.io/visibility": "cluster-local",
    }
    metadata["annotations"] = {
        "serving.kserve.io/deploymentMode": "Standard",
        names.CONTENT_HASH: source.hash,
    }
    return {
        "apiVersion": KSERVE_API,
        "kind": "InferenceService",
        "metadata": metadata,
        "spec": spec,
    }


def has_same_content(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two InferenceServices, as the API server stores them, differ in nothing but their scaling fields.

    KServe also takes orders from annotations (credentials, for example): ``one`` may have none that ``other`` has not.
    """
    return _content(one) == _content(other) and _orders(one) <= _orders(other)


def _content(inference_service: Mapping[str, Any]) -> dict[str, Any]:
    spec = without_nulls(inference_service.get("spec") or {})
    scaled = {name: without_scaling(spec[name]) for name in ("predictor", "transformer") if spec.get(name)}
    return {"predictor": {}, **spec, **scaled}


def _orders(inference_service: Mapping[str, Any]) -> set[str]:
    annotations = inference_service["metadata"].get("annotations") or {}
    return {key for key in annotations if key.startswith(KSERVE_KEYS)}
