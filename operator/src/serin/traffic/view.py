"""What does the data plane do? Reads InferenceServices, endpoints, pods and the route as the API server shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from serin.api import names
from serin.api.promotion_policy import Exposure
from serin.api.revision import replica_bounds
from serin.api.status import RevisionRef
from serin.rollout.observation import Arm, RouteView
from serin.traffic.failure import failure_of


def arm(inference_service: Mapping[str, Any], slices: Iterable[Any], pods: Iterable[Any]) -> Arm:
    """One arm from its InferenceService, the EndpointSlices of its Service and its pods."""
    metadata = inference_service["metadata"]
    labels = metadata.get("labels", {})
    ref = RevisionRef(
        revision=labels.get(names.REVISION, "unknown"),
        version=labels.get(names.VERSION, "?"),
        inference_service=metadata["name"],
    )
    pods, ready = list(pods), ready_endpoints(slices)
    failure = failure_of(inference_service, pods, serves=ready > 0)
    going = "deletionTimestamp" in metadata
    updates = (metadata.get("annotations") or {}).get("serving.kserve.io/disable-auto-update") != "true"
    return Arm(
        ref,
        ready,
        failure,
        deleting=going,
        template=_template(pods),
        size=_size(inference_service),
        updates=updates,
    )


def _size(inference_service: Mapping[str, Any]) -> int | None:
    """The most replicas that it asks for; None where it is known by name only."""
    predictor = (inference_service.get("spec") or {}).get("predictor")
    return replica_bounds(predictor)[1] if isinstance(predictor, Mapping) else None


def _template(pods: Iterable[Mapping[str, Any]]) -> str:
    """What the newest pod was made from, as its ReplicaSet labels it."""
    staying = [pod["metadata"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    newest = max(staying, key=lambda metadata: str(metadata.get("creationTimestamp", "")), default=None)
    return str((newest.get("labels") or {}).get("pod-template-hash", "")) if newest else ""


def ready_endpoints(slices: Iterable[Mapping[str, Any]]) -> int:
    """Pods that the gateway sends to: ready, and not on their way out.

    Counted by pod, not by address: a Service of two address families lists each pod twice. An endpoint that names no
    pod is known by its address, and of such ones only the family that has most is counted.
    """
    pods: set[str] = set()
    addresses: dict[str, set[str]] = {}
    for piece in slices:
        for endpoint in piece.get("endpoints") or []:
            conditions, target = endpoint.get("conditions") or {}, endpoint.get("targetRef") or {}
            if not conditions.get("ready", True) or conditions.get("terminating", False):
                continue
            if target.get("uid"):
                pods.add(target["uid"])
            else:
                family = addresses.setdefault(piece.get("addressType", "IPv4"), set())
                family.update(endpoint.get("addresses") or [])
    return len(pods) + max(map(len, addresses.values()), default=0)


def route(obj: Mapping[str, Any]) -> RouteView:
    """Our HTTPRoute: what it says, what Serin last wrote, and whether the gateway has accepted it."""
    metadata = obj["metadata"]
    annotations = metadata.get("annotations", {})
    candidate = annotations.get(names.CANDIDATE_REVISION)
    weight = _weight(obj, metadata["name"], candidate)
    accepted, message = _accepted(obj)
    return RouteView(
        stable=annotations.get(names.STABLE_REVISION),
        candidate=candidate,
        intended=_number(annotations.get(names.CANDIDATE_WEIGHT)),
        weight=weight,
        accepted=accepted,
        message=message,
        pending=not accepted and _pending(obj),
        editor=_editor(metadata.get("managedFields") or []),
        rollback=annotations.get(names.ROLLBACK, ""),
        exposes=_exposes(obj, metadata["name"], candidate),
        meant_to_expose=frozenset(
            way for way in Exposure if way in annotations.get(names.CANDIDATE_EXPOSURE, "").split(",")
        ),
    )


def _exposes(obj: Mapping[str, Any], name: str, candidate: str | None) -> frozenset[Exposure]:
    """How the route reaches the candidate besides its weight."""
    backend, found = names.service_name(f"{name}-{candidate}"), set()
    for rule in obj["spec"].get("rules") or []:
        mirrors = [f.get("requestMirror", {}).get("backendRef", {}) for f in rule.get("filters") or []]
        if any(mirror.get("name") == backend for mirror in mirrors):
            found.add(Exposure.MIRROR)
        if _is_preview(rule, backend):
            found.add(Exposure.PREVIEW)
    return frozenset(found)


def _is_preview(rule: Mapping[str, Any], backend: str) -> bool:
    """Whether it gives requests with a certain header to the candidate alone: no part of the split."""
    matches, refs = rule.get("matches") or [], rule.get("backendRefs") or []
    only = bool(refs) and all(ref["name"] == backend for ref in refs)
    return only and bool(matches) and all(match.get("headers") for match in matches)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _weight(obj: Mapping[str, Any], name: str, candidate: str | None) -> int:
    """The candidate's share of all weights, in percent; a rule without the candidate gives it nothing."""
    if candidate is None:
        return 0
    backend = names.service_name(f"{name}-{candidate}")
    rules = [rule for rule in obj["spec"].get("rules") or [] if not _is_preview(rule, backend)]
    refs = [ref for rule in rules for ref in rule.get("backendRefs") or []]
    total = sum(ref.get("weight", 1) for ref in refs)
    own = sum(ref.get("weight", 1) for ref in refs if ref["name"] == backend)
    return round(100 * own / total) if total else 0


def _accepted(obj: Mapping[str, Any]) -> tuple[bool, str]:
    """Every parent has accepted this generation and resolved its references."""
    parents = (obj.get("status") or {}).get("parents") or []
    if not parents:
        return False, "no gateway has taken the route yet"
    generation = obj["metadata"].get("generation", 0)
    problems = []
    for parent in parents:
        conditions = {c["type"]: c for c in parent.get("conditions") or []}
        for kind in ("Accepted", "ResolvedRefs"):
            state = conditions.get(kind)
            if state is None or state.get("observedGeneration", 0) != generation:
                problems.append(f"{kind} is not yet told for generation {generation}")
            elif state["status"] != "True":
                problems.append(f"{kind}={state['status']} {state.get('reason')}: {state.get('message')}")
    return not problems, "; ".join(problems)


def _pending(obj: Mapping[str, Any]) -> bool:
    """Whether some gateway has not yet said anything about this generation, and none has refused it."""
    generation = obj["metadata"].get("generation", 0)
    said = (c for parent in (obj.get("status") or {}).get("parents") or [] for c in parent.get("conditions") or [])
    deciding = (c for c in said if c["type"] in {"Accepted", "ResolvedRefs"})
    return not any(c.get("observedGeneration", 0) == generation and c["status"] != "True" for c in deciding)


def _editor(managed: Iterable[Mapping[str, Any]]) -> str:
    """Who else owns a part of the spec now (from managedFields)."""
    others = [
        entry
        for entry in managed
        if entry.get("manager") != names.MANAGER and (entry.get("fieldsV1") or {}).get("f:spec")
    ]
    newest = max(others, key=lambda entry: str(entry.get("time", "")), default=None)
    return str(newest["manager"]) if newest else ""
