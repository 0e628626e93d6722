"""The HTTPRoute of a split, a mirror and a preview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from serin.api import names
from serin.api.model_deployment import ModelDeploymentSpec
from serin.api.policy.exposure import Exposure
from serin.api.policy.preview_header import Header
from serin.api.routing.filters import RouteFilter
from serin.api.routing.matches import PathMatch, RouteMatch
from serin.api.status import RevisionRef
from serin.cluster.client import Object
from serin.rollout.decision import RoutePlan
from serin.schema.types import format_duration
from serin.traffic.gateway.service import ServiceOf
from serin.traffic.owner import Owner

GATEWAY_API = "gateway.networking.k8s.io/v1"
REQUEST_TIMEOUT = "HTTPRouteRequestTimeout"
"""The feature of a gateway that takes ``timeouts.request`` (names: the Gateway API's)."""


class RouteRules(Protocol):
    """The form of a kind of route."""

    @property
    def kind(self) -> str:
        """The kind."""
        ...

    def rule(self, backends: list[Object], *, preview: Header | None = None, mirror: Object | None = None) -> Object:
        """One rule for the requests of spec, with the header of a preview."""
        ...


def http_route(
    owner: Owner,
    spec: ModelDeploymentSpec,
    plan: RoutePlan,
    service_of: ServiceOf,
    *,
    timeout: timedelta | None = None,
    lacks: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """The HTTPRoute for ``plan``. Annotations repeat the plan, so that a lost status can be rebuilt.

    ``timeout``: that of the requests, if it is not spec's; ``lacks``: what the gateway does not have.
    """
    shape = Rules(spec, spec.timeout if timeout is None else timeout, lacks)
    return route_object(owner, spec, plan, service_of, shape)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of an HTTPRoute."""

    spec: ModelDeploymentSpec
    timeout: timedelta
    lacks: frozenset[str]
    kind = "HTTPRoute"

    def rule(self, backends: list[Object], *, preview: Header | None = None, mirror: Object | None = None) -> Object:
        """One rule. Gateways prefer a match with one header more, whatever the order of the rules."""
        rule: Object = {
            "matches": [_match(match, preview) for match in self.spec.route.matches or [RouteMatch()]],
            "filters": filters(self.spec.route.filters, mirror),
            "backendRefs": backends,
        }
        # A gateway that does not have them refuses the whole route. None is what must not be there.
        has = REQUEST_TIMEOUT not in self.lacks
        return {**rule, "timeouts": {"request": format_duration(self.timeout)} if has else None}


def route_object(
    owner: Owner, spec: ModelDeploymentSpec, plan: RoutePlan, service_of: ServiceOf, shape: RouteRules
) -> Object:
    """A route of any protocol: the split, the mirror and the preview; ``shape`` gives the form of its rules."""
    metadata = owner.metadata(owner.name)
    metadata["annotations"] = {
        names.STABLE_REVISION: plan.stable.revision,
        names.CANDIDATE_WEIGHT: str(plan.weight),
        **({names.CANDIDATE_REVISION: plan.candidate.revision} if plan.candidate else {}),
        **_exposure(plan),
        **({names.ROLLBACK: plan.rollback} if plan.rollback else {}),
    }
    backends = [_backend(plan.stable, service_of, 100 - plan.weight)]
    if plan.candidate:
        backends.append(_backend(plan.candidate, service_of, plan.weight))
    backends += [_backend(ref, service_of, 0) for ref in plan.idle]
    mirror = service_of(plan.candidate).reference() if plan.candidate and plan.mirror else None
    rules = [shape.rule(backends, mirror=mirror)]
    if plan.candidate and plan.preview:
        rules.append(shape.rule([_backend(plan.candidate, service_of, 1)], preview=plan.preview))
    return {
        "apiVersion": GATEWAY_API,
        "kind": shape.kind,
        "metadata": metadata,
        "spec": {
            "parentRefs": [spec.route.parent_ref.to_api()],
            "hostnames": list(spec.route.hostnames),
            "rules": rules,
        },
    }


def _match(match: RouteMatch, preview: Header | None) -> Object:
    path = match.path or PathMatch()
    return {"path": {"type": path.type.value, "value": path.value}, "headers": headers_of(match, preview)}


def headers_of(match: RouteMatch, preview: Header | None) -> list[Object]:
    """The headers of a match. The header of a preview takes the place of one of its name: each may be there once."""
    wanted = {header.name.lower(): (header.name, header.value) for header in match.headers}
    if preview is not None:
        wanted |= {preview.name.lower(): (preview.name, preview.value)}
    return [{"type": "Exact", "name": name, "value": value} for name, value in wanted.values()]


def filters(wanted: Sequence[RouteFilter], mirror: Object | None) -> list[Object]:
    """The filters of spec, and the mirror."""
    found = [item.to_api() for item in wanted]
    return [*found, *([{"type": "RequestMirror", "requestMirror": {"backendRef": mirror}}] if mirror else [])]


def _exposure(plan: RoutePlan) -> dict[str, str]:
    """The annotation for how the candidate is reached besides its weight; empty without such a way."""
    ways = {Exposure.MIRROR: plan.mirror, Exposure.PREVIEW: plan.preview is not None}
    shown = sorted(way.value for way, wanted in ways.items() if wanted and plan.candidate)
    return {names.CANDIDATE_EXPOSURE: ",".join(shown)} if shown else {}


def _backend(ref: RevisionRef, service_of: ServiceOf, weight: int) -> dict[str, Any]:
    return {**service_of(ref).reference(), "weight": weight}


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
