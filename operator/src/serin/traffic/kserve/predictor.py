"""The components of an InferenceService: their model source, and the patch of their scaling fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serin.api.predictor.scaling import OF_CLASS, autoscaler_class, with_own_queries
from serin.api.predictor.served_name import MODEL_NAME_FLAG, named_alike, served_name
from serin.api.revision import Replicas, Source, replica_bounds, scaling_of, without_nulls
from serin.rollout.spec.model_source import SERVER, STORAGE_URI
from serin.traffic.kserve.served_name import served_name_fields

KSERVE_API = "serving.kserve.io/v1beta1"


def with_model_source(predictor: Mapping[str, Any], model: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The predictor with the storage URI and the served name; clients' URLs are then the same for every revision."""
    predictor = with_storage_uri(predictor, model)
    if "model" in predictor:
        section = predictor["model"]
        section.update(served_name_fields(section, name, model.get("servedName")))
    return predictor


def with_storage_uri(predictor: Mapping[str, Any], model: Mapping[str, Any]) -> dict[str, Any]:
    """The predictor with the storage URI, where its kind takes it.

    Without a URI the model is part of the image, or ``predictor`` says where it is.
    """
    predictor, uri = without_nulls(predictor), model.get("uri")
    if uri is None:
        return predictor
    if "model" in predictor:
        predictor["model"]["storageUri"] = uri
    else:
        container = server_of_own(predictor)
        container["env"] = [*container.get("env", []), {"name": STORAGE_URI, "value": uri}]
    return predictor


def server_of_own(predictor: Mapping[str, Any]) -> dict[str, Any]:
    """The container that KServe takes for the server; empty if there is none of that shape."""
    containers = [container for container in predictor.get("containers") or [] if isinstance(container, dict)]
    named = (container for container in containers if container.get("name") == SERVER)
    return next(named, containers[0] if containers else {})


def with_served_name(source: Source, name: str) -> dict[str, Any]:
    """The transformer with the served name, under which clients ask for it, and it asks the predictor.

    KServe would give it the InferenceService's name, which contains the revision.
    """
    transformer = without_nulls(source.transformer or {})
    first, *others = transformer["containers"]
    served, own = served_name(source.model, source.predictor, name), list(first.get("args") or [])
    told = named_alike([str(argument) for argument in own], MODEL_NAME_FLAG, served)
    container = first if told else {**first, "args": [*own, f"{MODEL_NAME_FLAG}={served}"]}
    return {**transformer, "containers": [container, *others]}


def storage_uri(inference_service: Mapping[str, Any]) -> str:
    """Where its model comes from; empty if it does not say so. No webhook rewrites it."""
    predictor = (inference_service.get("spec") or {}).get("predictor") or {}
    if "model" in predictor:
        return str(predictor["model"].get("storageUri", ""))
    variables = server_of_own(predictor).get("env") or []
    # The last of two variables of one name counts.
    return next((str(v.get("value", "")) for v in reversed(variables) if v.get("name") == STORAGE_URI), "")


def scaling_patch(
    existing: Mapping[str, Any], source: Source, at_least: Replicas | None = None
) -> dict[str, Any] | None:
    """The merge patch of an InferenceService's scaling fields to those in spec; None if they are equal.

    ``at_least`` raises the minimum replicas up to the maximum in spec; a fixed size stays as it is. A component that
    the InferenceService or spec does not have is left alone: another revision has it.
    """
    fewest, spec, metadata = at_least or Replicas(), existing.get("spec") or {}, existing.get("metadata") or {}
    here = (str(metadata.get("namespace", "")), str(metadata.get("name", "")))
    serving = spec.get("predictor") or {}
    alike = autoscaler_class(serving) == autoscaler_class(source.predictor)
    patch = {
        "predictor": _scaling_patch(serving, _scaling(serving, source.predictor, here, alike=alike), fewest.predictor)
    }
    if spec.get("transformer") and source.transformer is not None:
        wanted = _scaling(spec["transformer"], source.transformer, here, alike=alike)
        patch["transformer"] = _scaling_patch(spec["transformer"], wanted, fewest.transformer)
    patch = {name: fields for name, fields in patch.items() if fields}
    return {"spec": patch} if patch else None


def _scaling(
    existing: Mapping[str, Any], component: Mapping[str, Any], here: tuple[str, str], *, alike: bool
) -> dict[str, Any]:
    """The scaling fields that spec means for this InferenceService; ``alike``: it has the autoscaler that spec names.

    What one autoscaler is told, another does not understand, or takes for nothing.
    """
    wanted = scaling_of(component)
    if alike:
        return with_own_queries(wanted, *here)
    now = scaling_of(existing)
    kept = {field: now[field] for field in OF_CLASS if field in now}
    return {field: value for field, value in wanted.items() if field not in OF_CLASS} | kept


def _scaling_patch(existing: Mapping[str, Any], wanted: dict[str, Any], at_least: int) -> dict[str, Any]:
    now = scaling_of(existing)
    fewest, most = replica_bounds(wanted)
    if fewest < at_least and fewest < most:
        wanted["minReplicas"] = min(at_least, most)
    return merge_patch(now, wanted)


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
