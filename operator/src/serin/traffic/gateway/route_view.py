"""Reads an HTTPRoute: its rules, Serin's annotations, and the gateway's conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from serin.api import names
from serin.api.managed_fields import editor
from serin.api.policy.exposure import Exposure
from serin.api.revision import REVISION_LENGTH
from serin.api.status import RevisionRef
from serin.api.workload import Workload
from serin.cluster.resources import INFERENCE_SERVICES
from serin.rollout.observation import RouteView
from serin.schema.masking import masked
from serin.traffic.gateway.permission import how_to_mend
from serin.traffic.gateway.service import ServicesOf

NONE: frozenset[str] = frozenset()
ADOPTED_WORDS, LONGEST_NUMBER = 3, 3


def route_view(
    obj: Mapping[str, Any],
    services_of: ServicesOf,
    name_of: Callable[[str, str, str], str],
    on_trial: RevisionRef | None = None,
) -> RouteView:
    """The HTTPRoute as the rollout sees it; ``name_of`` gives the workload by namespace, ModelDeployment and revision.

    ``on_trial`` is the candidate by the status: it is known by its Services where somebody removed the annotation.
    ``LookupError``, ``TypeError`` or the like for an unexpected shape.
    """
    metadata = obj["metadata"]
    annotations = metadata.get("annotations", {})
    candidate = annotations.get(names.CANDIDATE_REVISION)
    adopted = adopted_ref(annotations)
    if candidate is None and on_trial is not None:
        services = services_of(on_trial.workload.name)
        candidate = on_trial.revision if _names_any(obj, services) else None
    elif adopted is not None and adopted.revision == candidate:
        services = services_of(adopted.workload.name)
    else:
        services = services_of(name_of(metadata["namespace"], metadata["name"], candidate)) if candidate else NONE
    accepted, message = _accepted(obj)
    return RouteView(
        stable=annotations.get(names.STABLE_REVISION),
        candidate=candidate,
        intended=_number(annotations.get(names.CANDIDATE_WEIGHT)),
        weight=_weight(obj, services),
        accepted=accepted,
        message=message,
        pending=not accepted and _pending(obj),
        editor=editor(obj, own=names.MANAGER),
        rollback=annotations.get(names.ROLLBACK, ""),
        exposes=_exposes(obj, services),
        meant_to_expose=frozenset(
            way for way in Exposure if way in annotations.get(names.CANDIDATE_EXPOSURE, "").split(",")
        ),
    )


def _names_any(obj: Mapping[str, Any], services: frozenset[str]) -> bool:
    """Whether a rule sends requests to one of the Services."""
    return any(ref["name"] in services for ref in _backends(obj["spec"].get("rules") or []))


def _backends(rules: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What the rules send requests to."""
    return [ref for rule in rules for ref in rule.get("backendRefs") or []]


def adopted_ref(annotations: Mapping[str, str]) -> RevisionRef | None:
    """The adopted revision, by the annotation of a route; None without one, or for one that nobody of us wrote."""
    words = annotations.get(names.ADOPTED, "").split(" ")
    if len(words) != ADOPTED_WORDS:
        return None
    whole, version, name = words
    kind = INFERENCE_SERVICES
    try:
        return RevisionRef(
            revision=whole[:REVISION_LENGTH],
            version=version,
            hash=whole if len(whole) > REVISION_LENGTH else None,
            workload=Workload(api_version=kind.api_version, kind=kind.kind, name=name),
        )
    except ValidationError:
        return None


def _exposes(obj: Mapping[str, Any], services: frozenset[str]) -> frozenset[Exposure]:
    """How the route reaches the candidate's Services besides its weight."""
    found = set()
    for rule in obj["spec"].get("rules") or []:
        mirrors = [f.get("requestMirror", {}).get("backendRef", {}) for f in rule.get("filters") or []]
        if any(mirror.get("name") in services for mirror in mirrors):
            found.add(Exposure.MIRROR)
        if _is_preview(rule, services):
            found.add(Exposure.PREVIEW)
    return frozenset(found)


def _is_preview(rule: Mapping[str, Any], services: frozenset[str]) -> bool:
    """Whether the rule sends requests with a header to the candidate alone; it is no part of the split."""
    matches, refs = rule.get("matches") or [], rule.get("backendRefs") or []
    only = bool(refs) and all(ref["name"] in services for ref in refs)
    return only and bool(matches) and all(match.get("headers") for match in matches)


def _number(text: str | None) -> int | None:
    """The percent; None for what is none: whoever may write routes writes annotations of any size."""
    percent = (
        int(text) if text is not None and len(text) <= LONGEST_NUMBER and text.isascii() and text.isdigit() else 101
    )
    return percent if percent <= 100 else None  # noqa: PLR2004 - percent


def _weight(obj: Mapping[str, Any], services: frozenset[str]) -> int:
    """The candidate's share of all weights, in percent; a rule without the candidate gives it nothing."""
    if not services:
        return 0
    refs = _backends(rule for rule in obj["spec"].get("rules") or [] if not _is_preview(rule, services))
    total = sum(ref.get("weight", 1) for ref in refs)
    own = sum(ref.get("weight", 1) for ref in refs if ref["name"] in services)
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
                mend = how_to_mend(str(state.get("reason")), obj, parent)
                words = f"{kind}={state['status']} {state.get('reason')}: {state.get('message')}"
                problems.append(f"{words} ({mend})" if mend else words)
    return not problems, masked("; ".join(problems))


def _pending(obj: Mapping[str, Any]) -> bool:
    """Whether no parent has refused this generation; only meaningful if it is not accepted."""
    generation = obj["metadata"].get("generation", 0)
    conditions = (
        c for parent in (obj.get("status") or {}).get("parents") or [] for c in parent.get("conditions") or []
    )
    deciding = (c for c in conditions if c["type"] in {"Accepted", "ResolvedRefs"})
    return not any(c.get("observedGeneration", 0) == generation and c["status"] != "True" for c in deciding)
