"""The predictor of an InferenceService: its model source, and the patch of its scaling fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serin.api.revision import replica_bounds, scaling_of, without_nulls
from serin.traffic.kserve.served_name import served_name_fields

KSERVE_API = "serving.kserve.io/v1beta1"
STORAGE_URI = "STORAGE_URI"
"""The variable by which a custom container is told where its model is."""


def with_model_source(predictor: Mapping[str, Any], model: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The predictor with the storage URI and the served name; clients' URLs are then the same for every revision."""
    predictor = with_storage_uri(predictor, model)
    if "model" in predictor:
        section = predictor["model"]
        section.update(served_name_fields(section, name, model.get("servedName")))
    return predictor


def with_storage_uri(predictor: Mapping[str, Any], model: Mapping[str, Any]) -> dict[str, Any]:
    """The predictor with the storage URI, where its kind takes it."""
    predictor = without_nulls(predictor)
    if "model" in predictor:
        predictor["model"]["storageUri"] = model["uri"]
        return predictor
    container = predictor["containers"][0]
    container["env"] = [*container.get("env", []), {"name": STORAGE_URI, "value": model["uri"]}]
    return predictor


def storage_uri(inference_service: Mapping[str, Any]) -> str:
    """Where its model comes from; empty if it does not say so. No webhook rewrites it."""
    predictor = (inference_service.get("spec") or {}).get("predictor") or {}
    if "model" in predictor:
        return str(predictor["model"].get("storageUri", ""))
    variables = (predictor.get("containers") or [{}])[0].get("env") or []
    # The last of two variables of one name counts.
    return next((str(v.get("value", "")) for v in reversed(variables) if v.get("name") == STORAGE_URI), "")


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
    different = merge_patch(now, wanted)
    return {"spec": {"predictor": different}} if different else None


def merge_patch(now: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON merge patch (RFC 7386) from ``now`` to ``wanted``; removed fields are null, at any depth."""
    patch: dict[str, Any] = {}
    for key in {*now, *wanted}:
        before, after = now.get(key), wanted.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping) and before != after:
            patch[key] = merge_patch(before, after)
        elif before != after:
            patch[key] = after
    return patch
