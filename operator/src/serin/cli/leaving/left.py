"""What a ModelDeployment leaves behind: an InferenceService as anybody would write it, and a route without Serin."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from serin.api import names
from serin.api.predictor.keys import KSERVE_ANNOTATIONS, on_service
from serin.api.predictor.scaling import renamed, with_queries
from serin.api.revision import replica_bounds, without_nulls
from serin.cluster.client import Object
from serin.traffic.gateway.service import Service
from serin.traffic.kserve.predictor import KSERVE_API
from serin.traffic.kserve.served_name import name_told, without_served_name
from serin.traffic.standard.adoption import MODE, difference, orders
from serin.traffic.standard.service import SERVICE_PORT, predictor_of

TO = "leave.serin.dev/to"
"""On a route, while a ModelDeployment leaves: the InferenceService that is to serve."""
SERINS = ("serin.dev/", "leave.serin.dev/")
SECTIONS = ("labels", "annotations")


def service_left(stable: Mapping[str, Any], name: str, ready: int) -> Object:
    """The InferenceService ``name`` that serves what ``stable`` serves, with at least as many replicas as are ready.

    It has none of Serin's labels, and none against a route of KServe's own; what KServe and others read on an
    InferenceService (who scales it, whose credentials, which queue) it has, and its queries count for itself.
    """
    metadata, spec = stable["metadata"], without_nulls(stable["spec"])
    predictor = with_queries(copy.deepcopy(spec["predictor"]), _queries_of(metadata, name))
    section = predictor.get("model")
    if isinstance(section, Mapping) and name_told(section) == name:  # KServe gives it the name by itself
        predictor["model"] = {k: v for k, v in without_served_name(section).items() if v or k not in {"args", "env"}}
    fewest, most = replica_bounds(predictor)
    if fewest < ready:
        predictor["minReplicas"] = ready
        if "maxReplicas" in predictor:
            predictor["maxReplicas"] = max(most, ready)
    return {
        "apiVersion": KSERVE_API,
        "kind": "InferenceService",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": _read_there("labels", stable),
            "annotations": _read_there("annotations", stable) | {MODE: "Standard"},
        },
        "spec": {**spec, "predictor": predictor},
    }


def _queries_of(metadata: Mapping[str, Any], name: str) -> Callable[[str], str]:
    """What makes a query of the InferenceService one of ``name``. Serin's own names are part of no other word."""
    before = str(metadata["name"])
    if (metadata.get("labels") or {}).get(names.MANAGED_BY) == names.MANAGER:
        return lambda query: query.replace(before, name)
    return lambda query: renamed(query, before, name)


def _read_there(section: str, inference_service: Mapping[str, Any]) -> dict[str, str]:
    """Its labels or annotations that are read on an InferenceService itself."""
    found = (inference_service["metadata"].get(section) or {}).items()
    return {key: value for key, value in found if on_service(section, key)}


def differs(existing: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether an InferenceService serves anything else than ``wanted``, or lacks what is read on it."""
    lacks = any(
        _of_others(_read_there(section, wanted)) - _of_others(_read_there(section, existing)) for section in SECTIONS
    )
    return lacks or orders(existing) != orders(wanted) or bool(difference(existing, wanted))


def _of_others(found: Mapping[str, str]) -> set[tuple[str, str]]:
    """Without KServe's own, which ``orders`` compares."""
    return {(key, value) for key, value in found.items() if key not in KSERVE_ANNOTATIONS}


def changed_to(existing: Mapping[str, Any], wanted: Mapping[str, Any]) -> Object:
    """The InferenceService that is there, with what ``wanted`` serves and with what is read on it."""
    metadata = dict(existing["metadata"])
    for section in SECTIONS:
        own = {k: v for k, v in (metadata.get(section) or {}).items() if k not in KSERVE_ANNOTATIONS}
        metadata[section] = own | _read_there(section, wanted)
    return {**existing, "metadata": metadata, "spec": wanted["spec"]}


def leading_to(route: Mapping[str, Any], weights: Mapping[str, int]) -> Object:
    """The route with these InferenceServices behind each of its rules, and no mirror."""
    changed = copy.deepcopy(dict(route))
    refs = [
        {**Service(predictor_of(name), SERVICE_PORT).reference(), "weight": weight} for name, weight in weights.items()
    ]
    for rule in changed["spec"]["rules"]:
        rule["backendRefs"] = refs
        rule["filters"] = [f for f in rule.get("filters") or [] if f.get("type") != "RequestMirror"]
    return changed


def weights_in(route: Mapping[str, Any]) -> dict[str, int]:
    """The shares of the InferenceServices in the first rule."""
    suffix = names.PREDICTOR_SUFFIX
    refs = route["spec"]["rules"][0].get("backendRefs") or []
    return {str(ref["name"]).removesuffix(suffix): int(ref.get("weight", 1)) for ref in refs}


def marked(route: Mapping[str, Any], to: str) -> Object:
    """The route that says to which InferenceService its ModelDeployment leaves."""
    metadata = route["metadata"]
    return {**route, "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), TO: to}}}


def workloads_in(records: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The InferenceServices that PromotionRecords name."""
    refs = [record["spec"].get(part) or {} for record in records for part in ("candidate", "stable")]
    return frozenset(str((ref.get("workload") or {}).get("name") or ref.get("inferenceService")) for ref in refs if ref)


def copied(route: Mapping[str, Any], name: str) -> Object:
    """The same route under another name, of nobody."""
    kept = {key: route["metadata"][key] for key in ("namespace", "labels", "annotations") if key in route["metadata"]}
    return {"apiVersion": route["apiVersion"], "kind": route["kind"], "metadata": {**kept, "name": name}} | {
        "spec": route["spec"]
    }


def without_serin(route: Mapping[str, Any]) -> Object:
    """The route without a trace of Serin: it is whoever's it is."""
    metadata = dict(route["metadata"])
    for part in SECTIONS:
        metadata[part] = {
            key: value
            for key, value in (metadata.get(part) or {}).items()
            if not key.startswith(SERINS) and (key, value) != (names.MANAGED_BY, names.MANAGER)
        }
    owners = metadata.get("ownerReferences") or []
    metadata["ownerReferences"] = [owner for owner in owners if not owner["apiVersion"].startswith("serin.dev/")]
    return {**route, "metadata": metadata}
