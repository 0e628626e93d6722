"""The InferenceService of one revision in Standard mode, and the patch of its scaling fields.

After creation only the scaling fields of ``spec.predictor`` are changed (DESIGN, rule 12).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serin.api import names
from serin.api.revision import hash_of, replica_bounds, scaling_of, without_nulls, without_scaling
from serin.api.status import RevisionRef
from serin.traffic.owner import Owner
from serin.traffic.standard.served_name import served_name_fields

KSERVE_API = "serving.kserve.io/v1beta1"
KSERVE_KEYS = "serving.kserve.io/"
STORAGE_URI = "STORAGE_URI"
"""The variable by which a custom container is told where its model is."""


def inference_service(
    owner: Owner, ref: RevisionRef, *, model: Mapping[str, Any], predictor: Mapping[str, Any]
) -> dict[str, Any]:
    """The InferenceService of one revision; ``model`` and ``predictor`` as the user wrote them."""
    metadata = owner.metadata(ref.workload.name)
    metadata["labels"] |= {
        names.REVISION: ref.revision,
        names.VERSION: ref.version,
        "networking.kserve.io/visibility": "cluster-local",
    }
    metadata["annotations"] = {
        "serving.kserve.io/deploymentMode": "Standard",
        names.CONTENT_HASH: hash_of(model, predictor),
    }
    return {
        "apiVersion": KSERVE_API,
        "kind": "InferenceService",
        "metadata": metadata,
        "spec": {"predictor": with_model_source(predictor, model, owner.name)},
    }


def with_model_source(predictor: Mapping[str, Any], model: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The predictor with the storage URI and the served name; clients' URLs are then the same for every revision."""
    predictor = without_nulls(predictor)
    if "model" not in predictor:
        container = predictor["containers"][0]
        container["env"] = [*container.get("env", []), {"name": STORAGE_URI, "value": model["uri"]}]
        return predictor
    section = predictor["model"]
    section["storageUri"] = model["uri"]
    section.update(served_name_fields(section, name, model.get("servedName")))
    return predictor


def storage_uri(inference_service: Mapping[str, Any]) -> str:
    """Where its model comes from; empty if it does not say so. No webhook rewrites it."""
    predictor = (inference_service.get("spec") or {}).get("predictor") or {}
    if "model" in predictor:
        return str(predictor["model"].get("storageUri", ""))
    variables = (predictor.get("containers") or [{}])[0].get("env") or []
    # The last of two variables of one name counts.
    return next((str(v.get("value", "")) for v in reversed(variables) if v.get("name") == STORAGE_URI), "")


def has_same_content(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two InferenceServices, as the API server stores them, differ in nothing but their scaling fields.

    KServe also takes orders from annotations (credentials, for example): ``one`` may have none that ``other`` has not.
    """
    return _content(one) == _content(other) and _orders(one) <= _orders(other)


def _content(inference_service: Mapping[str, Any]) -> dict[str, Any]:
    spec = without_nulls(inference_service.get("spec") or {})
    return {**spec, "predictor": without_scaling(spec.get("predictor") or {})}


def _orders(inference_service: Mapping[str, Any]) -> set[str]:
    annotations = inference_service["metadata"].get("annotations") or {}
    return {key for key in annotations if key.startswith(KSERVE_KEYS)}


def scaling_patch(
    existing: Mapping[str, Any], predictor: Mapping[str, Any], at_least: int = 0
) -> dict[str, Any] | None:
    """The merge patch of an InferenceService's scaling fields to those in spec; None if they are equal.

    ``at_least`` raises the minimum replicas up to the maximum in spec; a fixed size stays as it is.
    """
    now, wanted = scaling_of(existing.get("spec", {}).get("predictor", {})), scaling_of(predictor)
    fewest, most = replica_bounds(wanted)
    if fewest < at_least and fewest < most:
        wanted["minReplicas"] = min(at_least, most)
    different = _merge_patch(now, wanted)
    return {"spec": {"predictor": different}} if different else None


def _merge_patch(now: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON merge patch (RFC 7386) from ``now`` to ``wanted``; removed fields are null, at any depth."""
    patch: dict[str, Any] = {}
    for key in {*now, *wanted}:
        before, after = now.get(key), wanted.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping) and before != after:
            patch[key] = _merge_patch(before, after)
        elif before != after:
            patch[key] = after
    return patch
