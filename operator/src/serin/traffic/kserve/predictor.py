"""The predictor of an InferenceService: its model source, and the patch of its scaling fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serin.api.predictor.scaling import OF_CLASS, autoscaler_class, with_own_queries
from serin.api.revision import replica_bounds, scaling_of, without_nulls
from serin.rollout.spec.model_source import SERVER, STORAGE_URI
from serin.traffic.kserve.served_name import served_name_fields

KSERVE_API = "serving.kserve.io/v1beta1"


def with_model_source(predictor: Mapping[str, Any], model: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The predictor with the storage URI and the served name; clients' URLs are then the same for every revision.

    Without a URI the model is part of the image, or ``predictor`` says where it is.
    """
    predictor, uri = without_nulls(predictor), model.get("uri")
    if "model" not in predictor:
        container = server_of_own(predictor)
        if uri is not None:
            container["env"] = [*container.get("env", []), {"name": STORAGE_URI, "value": uri}]
        return predictor
    section = predictor["model"]
    if uri is not None:
        section["storageUri"] = uri
    section.update(served_name_fields(section, name, model.get("servedName")))
    return predictor


def server_of_own(predictor: Mapping[str, Any]) -> dict[str, Any]:
    """The container that KServe takes for the server; empty if there is none of that shape."""
    containers = [container for container in predictor.get("containers") or [] if isinstance(container, dict)]
    named = (container for container in containers if container.get("name") == SERVER)
    return next(named, containers[0] if containers else {})


def storage_uri(inference_service: Mapping[str, Any]) -> str:
    """Where its model comes from; empty if it does not say so. No webhook rewrites it."""
    predictor = (inference_service.get("spec") or {}).get("predictor") or {}
    if "model" in predictor:
        return str(predictor["model"].get("storageUri", ""))
    variables = server_of_own(predictor).get("env") or []
    # The last of two variables of one name counts.
    return next((str(v.get("value", "")) for v in reversed(variables) if v.get("name") == STORAGE_URI), "")


def scaling_patch(
    existing: Mapping[str, Any], predictor: Mapping[str, Any], at_least: int = 0
) -> dict[str, Any] | None:
    """The merge patch of an InferenceService's scaling fields to those in spec; None if they are equal.

    ``at_least`` raises the minimum replicas up to the maximum in spec; a fixed size stays as it is.
    """
    serving, metadata = existing.get("spec", {}).get("predictor", {}), existing.get("metadata") or {}
    now, wanted = scaling_of(serving), scaling_of(predictor)
    if autoscaler_class(serving) != autoscaler_class(predictor):
        # What one autoscaler is told, another does not understand, or takes for nothing.
        kept = {field: now[field] for field in OF_CLASS if field in now}
        wanted = {field: value for field, value in wanted.items() if field not in OF_CLASS} | kept
    else:
        wanted = with_own_queries(wanted, metadata.get("namespace", ""), metadata.get("name", ""))
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
