"""The InferenceService of one revision in Standard mode.

After creation only the scaling fields of its components are changed (DESIGN, rule 12).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from serin.api import names
from serin.api.predictor.keys import KSERVE_ANNOTATIONS, KSERVE_KEYS, on_service
from serin.api.predictor.scaling import with_own_queries
from serin.api.revision import Source, without_nulls, without_scaling
from serin.api.status import RevisionRef
from serin.traffic.kserve.predictor import KSERVE_API, with_model_source, with_served_name
from serin.traffic.owner import Owner


def inference_service(owner: Owner, ref: RevisionRef, source: Source) -> dict[str, Any]:
    """The InferenceService of one revision."""
    predictor = copy.deepcopy(dict(source.predictor))
    spec = {"predictor": with_model_source(predictor, source.model, owner.name)}
    if source.transformer is not None:
        spec["transformer"] = with_served_name(source, owner.name)
    metadata = owner.metadata(ref.workload.name)
    metadata["labels"] = (
        _own("labels", predictor)
        | metadata["labels"]
        | {
            names.REVISION: ref.revision,
            names.VERSION: ref.version,
            "networking.kserve.io/visibility": "cluster-local",
        }
    )
    metadata["annotations"] = _own("annotations", predictor) | {
        "serving.kserve.io/deploymentMode": "Standard",
        names.CONTENT_HASH: source.hash,
    }
    return {
        "apiVersion": KSERVE_API,
        "kind": "InferenceService",
        "metadata": metadata,
        "spec": {
            component: with_own_queries(fields, owner.namespace, ref.workload.name)
            for component, fields in spec.items()
        },
    }


def _own(section: str, predictor: Mapping[str, Any]) -> dict[str, str]:
    """Labels or annotations of the predictor that are read on the InferenceService."""
    given = (predictor.get(section) or {}).items()
    return {key: value for key, value in given if value is not None and on_service(section, key)}


def has_same_content(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two InferenceServices, as the API server stores them, differ in nothing but their scaling fields.

    KServe also takes orders from annotations (credentials, for example): ``one`` may have none that ``other`` has not,
    or has with another value, and lacks none that the user asked for.
    """
    orders, meant = _orders(one), _orders(other)
    asked = {(key, value) for key, value in meant if key in KSERVE_ANNOTATIONS}
    return _content(one) == _content(other) and asked <= orders <= meant


def _content(inference_service: Mapping[str, Any]) -> dict[str, Any]:
    spec = without_nulls(inference_service.get("spec") or {})
    scaled = {name: without_scaling(spec[name]) for name in ("predictor", "transformer") if spec.get(name)}
    return {"predictor": {}, **spec, **scaled}


def _orders(inference_service: Mapping[str, Any]) -> set[tuple[str, str]]:
    annotations = inference_service["metadata"].get("annotations") or {}
    return {(key, value) for key, value in annotations.items() if key.startswith(KSERVE_KEYS)}
