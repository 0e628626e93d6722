"""The HTTPRoute of a split, a mirror and a preview."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serin.api import names
from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.policy.exposure import Exposure
from serin.api.revision import is_adopted
from serin.api.status import RevisionRef
from serin.rollout.decision import RoutePlan
from serin.schema.types import format_duration
from serin.traffic.gateway.service import ServiceOf
from serin.traffic.owner import Owner

GATEWAY_API = "gateway.networking.k8s.io/v1"


def http_route(owner: Owner, spec: ModelDeploymentSpec, plan: RoutePlan, service_of: ServiceOf) -> dict[str, Any]:
    """The HTTPRoute for ``plan``. Annotations repeat the plan, so that a lost status can be rebuilt."""
    metadata = owner.metadata(owner.name)
    metadata["annotations"] = {
        names.STABLE_REVISION: plan.stable.revision,
        names.CANDIDATE_WEIGHT: str(plan.weight),
        **({names.CANDIDATE_REVISION: plan.candidate.revision} if plan.candidate else {}),
        **_exposure(plan),
        **({names.ROLLBACK: plan.rollback} if plan.rollback else {}),
        **_adopted(owner.name, plan),
    }
    backends = [_backend(plan.stable, service_of, 100 - plan.weight)]
    if plan.candidate:
        backends.append(_backend(plan.candidate, service_of, plan.weight))
    backends += [_backend(ref, service_of, 0) for ref in plan.idle]
    main = _rule(spec, [{}], backends)
    if plan.candidate and plan.mirror:
        main["filters"] = [
            {
                "type": "RequestMirror",
                "requestMirror": {"backendRef": service_of(plan.candidate.workload.name).reference()},
            }
        ]
    rules = [main]
    if plan.candidate and plan.preview:
        header = {"type": "Exact", "name": plan.preview.name, "value": plan.preview.value}
        rules.append(_rule(spec, [{"headers": [header]}], [_backend(plan.candidate, service_of, 1)]))
    return {
        "apiVersion": GATEWAY_API,
        "kind": "HTTPRoute",
        "metadata": metadata,
        "spec": {
            "parentRefs": [spec.route.parent_ref.to_api()],
            "hostnames": list(spec.route.hostnames),
            "rules": rules,
        },
    }


def _exposure(plan: RoutePlan) -> dict[str, str]:
    """The annotation for how the candidate is reached besides its weight; empty without such a way."""
    ways = {Exposure.MIRROR: plan.mirror, Exposure.PREVIEW: plan.preview is not None}
    shown = sorted(way.value for way, wanted in ways.items() if wanted and plan.candidate)
    return {names.CANDIDATE_EXPOSURE: ",".join(shown)} if shown else {}


def _adopted(model_deployment: str, plan: RoutePlan) -> dict[str, str]:
    """The annotation for the InferenceService that was adopted, if the route leads to it."""
    refs = [ref for ref in (plan.stable, plan.candidate, *plan.idle) if ref is not None]
    found = next((ref for ref in refs if is_adopted(ref, model_deployment)), None)
    return {names.ADOPTED: adopted_annotation(found)} if found is not None else {}


def adopted_annotation(ref: RevisionRef) -> str:
    """Identity, version and InferenceService of a revision; none of them has a blank."""
    return f"{ref.hash or ref.revision} {ref.version} {ref.workload.name}"


def _rule(spec: ModelDeploymentSpec, matches: list[dict[str, Any]], backends: list[dict[str, Any]]) -> dict[str, Any]:
    """One rule for all paths. Gateways prefer a match with a header, whatever the order of the rules."""
    return {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}, **match} for match in matches],
        "filters": [],
        "backendRefs": backends,
        "timeouts": {"request": format_duration(spec.route.timeout)},
    }


def _backend(ref: RevisionRef, service_of: ServiceOf, weight: int) -> dict[str, Any]:
    return {**service_of(ref.workload.name).reference(), "weight": weight}


def own_annotations(route: Mapping[str, Any]) -> dict[str, str]:
    """Serin's annotations. A stale one would mislead the operator when it rebuilds a lost status from the route."""
    annotations = route["metadata"].get("annotations", {})
    return {key: value for key, value in annotations.items() if key.startswith("serin.dev/")}


def is_applied(actual: Any, wanted: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Whether ``actual`` contains everything in ``wanted``; fields that the server has added do not matter.

    An empty list equals a missing one.
    """
    if wanted == [] and actual is None:
        return True
    if isinstance(wanted, Mapping):
        return isinstance(actual, Mapping) and all(is_applied(actual.get(k), v) for k, v in wanted.items())
    if isinstance(wanted, list):
        return (
            isinstance(actual, list)
            and len(actual) == len(wanted)
            and all(is_applied(a, w) for a, w in zip(actual, wanted, strict=True))
        )
    return bool(actual == wanted)
