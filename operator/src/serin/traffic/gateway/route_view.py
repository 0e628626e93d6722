"""Reads an HTTPRoute: its rules, Serin's annotations, and the gateway's conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serin.api import names
from serin.api.managed_fields import editor
from serin.api.policy.exposure import Exposure
from serin.api.revision import REVISION_LENGTH, workload_name
from serin.api.status import RevisionRef
from serin.api.workload import Workload
from serin.cluster.resources import INFERENCE_SERVICES
from serin.rollout.observation import RouteView
from serin.schema.masking import masked
from serin.traffic.gateway.service import ServiceOf

ADOPTED_WORDS = 3


def route_view(obj: Mapping[str, Any], service_of: ServiceOf) -> RouteView:
    """The HTTPRoute as the rollout sees it; ``LookupError``, ``TypeError`` or the like for an unexpected shape."""
    metadata = obj["metadata"]
    annotations = metadata.get("annotations", {})
    candidate = annotations.get(names.CANDIDATE_REVISION)
    service = service_of(_workload(metadata["name"], candidate, annotations)).name if candidate else None
    accepted, message = _accepted(obj)
    return RouteView(
        stable=annotations.get(names.STABLE_REVISION),
        candidate=candidate,
        intended=_number(annotations.get(names.CANDIDATE_WEIGHT)),
        weight=_weight(obj, service),
        accepted=accepted,
        message=message,
        pending=not accepted and _pending(obj),
        editor=editor(obj, own=names.MANAGER),
        rollback=annotations.get(names.ROLLBACK, ""),
        exposes=_exposes(obj, service),
        meant_to_expose=frozenset(
            way for way in Exposure if way in annotations.get(names.CANDIDATE_EXPOSURE, "").split(",")
        ),
    )


def _workload(model_deployment: str, revision: str, annotations: Mapping[str, str]) -> str:
    """The name of the InferenceService that serves a revision of the route."""
    adopted = adopted_ref(annotations)
    own = workload_name(model_deployment, revision)
    return adopted.workload.name if adopted is not None and adopted.revision == revision else own


def adopted_ref(annotations: Mapping[str, str]) -> RevisionRef | None:
    """The adopted revision, by the annotation of a route; None without one."""
    words = annotations.get(names.ADOPTED, "").split(" ")
    if len(words) != ADOPTED_WORDS:
        return None
    whole, version, name = words
    kind = INFERENCE_SERVICES
    return RevisionRef(
        revision=whole[:REVISION_LENGTH],
        version=version,
        hash=whole if len(whole) > REVISION_LENGTH else None,
        workload=Workload(api_version=kind.api_version, kind=kind.kind, name=name),
    )


def _exposes(obj: Mapping[str, Any], service: str | None) -> frozenset[Exposure]:
    """How the route reaches the candidate's Service besides its weight."""
    found = set()
    for rule in obj["spec"].get("rules") or []:
        mirrors = [f.get("requestMirror", {}).get("backendRef", {}) for f in rule.get("filters") or []]
        if any(mirror.get("name") == service for mirror in mirrors):
            found.add(Exposure.MIRROR)
        if _is_preview(rule, service):
            found.add(Exposure.PREVIEW)
    return frozenset(found)


def _is_preview(rule: Mapping[str, Any], service: str | None) -> bool:
    """Whether the rule sends requests with a header to the candidate alone; it is no part of the split."""
    matches, refs = rule.get("matches") or [], rule.get("backendRefs") or []
    only = bool(refs) and all(ref["name"] == service for ref in refs)
    return only and bool(matches) and all(match.get("headers") for match in matches)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _weight(obj: Mapping[str, Any], service: str | None) -> int:
    """The candidate's share of all weights, in percent; a rule without the candidate gives it nothing."""
    if service is None:
        return 0
    rules = [rule for rule in obj["spec"].get("rules") or [] if not _is_preview(rule, service)]
    refs = [ref for rule in rules for ref in rule.get("backendRefs") or []]
    total = sum(ref.get("weight", 1) for ref in refs)
    own = sum(ref.get("weight", 1) for ref in refs if ref["name"] == service)
    return round(100 * own / total) if total else 0


def _accepted(obj: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether every parent has accepted this generation and resolved its references; and why not."""
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
    return not problems, masked("; ".join(problems))


def _pending(obj: Mapping[str, Any]) -> bool:
    """Whether no parent has refused this generation; only meaningful if it is not accepted."""
    generation = obj["metadata"].get("generation", 0)
    conditions = (
        c for parent in (obj.get("status") or {}).get("parents") or [] for c in parent.get("conditions") or []
    )
    deciding = (c for c in conditions if c["type"] in {"Accepted", "ResolvedRefs"})
    return not any(c.get("observedGeneration", 0) == generation and c["status"] != "True" for c in deciding)
