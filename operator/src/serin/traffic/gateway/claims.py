"""Conflicts over a route: an HTTPRoute of another owner, or a hostname that somebody else has on the same gateway.

The API server lets a ModelDeployment name any hostname and any Gateway, and a gateway gives the requests of a hostname
to the older route, or to the more specific hostname. Serin must not take requests for its user that way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from serin.api import names
from serin.api.model_deployment import ModelDeployment
from serin.api.routing.matches import overlap
from serin.api.routing.route import ParentRef
from serin.api.status import ModelDeploymentStatus
from serin.cluster import resources
from serin.cluster.client import Cluster, Object, Objects
from serin.cluster.paging import reduced
from serin.errors import NotFound, Refused, Unavailable
from serin.rollout.observation import Arm, Problem
from serin.schema.reasons import Reason
from serin.together import together
from serin.traffic.gateway.hostnames import overlapping
from serin.traffic.gateway.listeners import Listener, is_accepted, is_gateway, listeners, wanted_listener
from serin.traffic.gateway.paths import EVERYTHING, matches_in, prefixes_in, prefixes_of

CLAIM_WITHOUT_ROUTE = timedelta(minutes=10)
"""How long a new ModelDeployment claims its hostnames before it has a route; afterwards only a route claims them, so
that nobody keeps a hostname with a model that never served."""


@dataclass(frozen=True, slots=True)
class RouteClaim:
    """The state of the ModelDeployment that its claim on a hostname depends on."""

    status: ModelDeploymentStatus
    route: Mapping[str, Any] | None
    arms: Mapping[str, Arm] | None
    """By revision; one that is ready lets the route be created in this pass. Not needed while there is a route."""
    now: datetime

    @property
    def starts(self) -> bool:
        """Whether nobody was asked yet for this candidate, or its route may be created in this pass."""
        return self.status.candidate is None or any(arm.ready for arm in (self.arms or {}).values())

    @property
    def has_served(self) -> bool:
        """Whether a revision of this ModelDeployment became stable, and so had a route.

        A status that is rebuilt from records has no such time: they may be those of a ModelDeployment that was deleted,
        and that had other hostnames.
        """
        return self.status.stable is not None and self.status.stable.since is not None


@dataclass(frozen=True, slots=True)
class Claim:
    """Hostnames that another object has on the same listener."""

    namespace: str
    kind: str
    name: str
    hostnames: frozenset[str]
    """Empty: all hostnames of the listener."""
    prefixes: frozenset[str] = EVERYTHING
    """What the paths of its requests begin with."""

    def conflicts(self, asked: frozenset[str], namespace: str, prefixes: frozenset[str] = EVERYTHING) -> list[str]:
        """Those of ``asked`` that may not be used in ``namespace`` beside this claim, for paths with these prefixes.

        Within one namespace only the same hostname of another ModelDeployment conflicts: its owners may put a more
        specific one beside a wildcard, and keep a route of their own until Serin's has taken over. They may share one
        if no path of either lies under the other's.
        """
        if self.namespace == namespace and self.kind == resources.HTTP_ROUTES.kind:
            return []
        if self.namespace == namespace:
            shared = any(overlap(one, other) for one in prefixes for other in self.prefixes)
            return sorted(asked & self.hostnames) if shared else []
        return overlapping(asked, self.hostnames)


def foreign(route: Mapping[str, Any] | None, obj: Mapping[str, Any], status: ModelDeploymentStatus) -> bool:
    """Whether the HTTPRoute of the ModelDeployment's name has neither Serin's metadata nor its owner reference.

    Once a revision is stable the route is Serin's, even if its metadata was removed.
    """
    if route is None or status.stable is not None or status.rollout is not None:
        return False
    metadata, own = route["metadata"], obj["metadata"]
    if names.STABLE_REVISION in (metadata.get("annotations") or {}):
        return False
    labelled = (metadata.get("labels") or {}).get(names.MODEL_DEPLOYMENT) == own["name"]
    owned = any(ref.get("uid") == own.get("uid") for ref in metadata.get("ownerReferences") or [])
    return not labelled and not owned


async def hostname_taken(
    cluster: Cluster, obj: Object, claim: RouteClaim, namespaces: tuple[str, ...]
) -> Problem | None:
    """The problem if somebody else has a hostname of ``spec.route`` on the same gateway; None otherwise.

    It lists all routes and ModelDeployments, so it runs only before a first deployment, before its route is
    created, and while spec asks for a hostname or a Gateway that its route does not have. Raises ``Refused`` or
    ``Unavailable`` if a list fails and nothing serves yet.
    """
    asked = new_hostnames(obj, claim)
    if not asked:
        return None
    try:
        routes, calls, deployments = await together(
            _listed(cluster, resources.HTTP_ROUTES, namespaces, _route_of),
            _listed(cluster, resources.GRPC_ROUTES, namespaces, _route_of),
            _listed(cluster, resources.MODEL_DEPLOYMENTS, namespaces, _claim_of),
        )
    except (Refused, Unavailable) as error:
        if claim.route is None or claim.status.rollout is not None:  # the part becomes unknown: no forward move
            raise
        # The existing route is kept with its current hostnames.
        message = f"spec.route.hostnames: whether somebody else claims them cannot be read: {error}"
        return Problem(Reason.HOSTNAME_TAKEN, message)
    namespace = obj["metadata"]["namespace"]
    claims = [*_of_routes([*routes, *calls], obj), *_of_new_deployments(deployments, obj, claim.now)]
    for other in sorted(claims, key=lambda found: (found.namespace != namespace, found.kind, found.name)):
        taken = other.conflicts(asked, namespace, prefixes_of(obj["spec"]["route"].get("matches") or []))
        if taken:
            return Problem(Reason.HOSTNAME_TAKEN, _told(taken, other, obj))
    return None


def new_hostnames(obj: Mapping[str, Any], claim: RouteClaim) -> frozenset[str]:
    """The hostnames of spec that the route does not have on the Gateway of spec; empty if nobody has to be asked.

    A route that is lost while something serves is put back without a question: its traffic does not depend on one.
    """
    hostnames, route, status = frozenset(obj["spec"]["route"]["hostnames"]), claim.route, claim.status
    if route is None:
        return frozenset() if claim.has_served or (status.stable is None and not claim.starts) else hostnames
    if set(listeners(route)) != {wanted_listener(obj)}:
        return hostnames
    if not prefixes_of(obj["spec"]["route"].get("matches") or []) <= prefixes_in(route):
        return hostnames
    return hostnames - set(route["spec"].get("hostnames") or [])


def with_route_in_force(parsed: ModelDeployment, route: Mapping[str, Any]) -> ModelDeployment:
    """The ModelDeployment with the hostnames and the Gateway that its route has, in place of those in spec."""
    metadata, wanted = route["metadata"], parsed.spec.route.parent_ref
    parents = [ref for ref in route["spec"].get("parentRefs") or [] if is_gateway(ref)]
    listener = Listener(wanted.namespace or metadata["namespace"], wanted.name, wanted.section_name)
    if parents and listener not in listeners(route):
        first = parents[0]
        wanted = ParentRef.model_construct(
            name=first["name"], namespace=first.get("namespace"), section_name=first.get("sectionName")
        )
    hostnames = list(route["spec"].get("hostnames") or [])
    kept = parsed.spec.route.model_copy(
        update={"hostnames": hostnames, "parent_ref": wanted, "matches": matches_in(route)}
    )
    return parsed.model_copy(update={"spec": parsed.spec.model_copy(update={"route": kept})})


def meets(route: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a request can match both HTTPRoutes: one Gateway, and a hostname that both have."""
    shared = any(here.shares(there) for here in listeners(route) for there in listeners(wanted))
    own = (wanted["spec"].get("hostnames") or [], route["spec"].get("hostnames") or [])
    return shared and bool(overlapping(*own))


async def _listed(
    cluster: Cluster, kind: resources.Resource, namespaces: tuple[str, ...], part_of: Callable[[Object], Object]
) -> Objects:
    """All objects of a kind in the namespaces that the settings name, or in all; of each only what is needed.

    All predictors of a cluster may be larger than this process may be.
    """
    try:
        found = await together(*(reduced(cluster, kind, namespace, part_of) for namespace in namespaces or ("",)))
    except NotFound:
        if kind in {
            resources.HTTP_ROUTES,
            resources.GRPC_ROUTES,
        }:  # the Gateway API is not installed: told when the route is applied
            return []
        raise
    return [obj for objs in found for obj in objs]


def _of_routes(routes: Iterable[Object], obj: Object) -> Iterator[Claim]:
    """What the other routes have on the same listener, whoever made them; those that a gateway has accepted."""
    own, wanted = _key(obj), wanted_listener(obj)
    for route in routes:
        if (
            _key(route) == own
            or not any(wanted.shares(at) for at in listeners(route))
            or not is_accepted(route, wanted)
        ):
            continue
        namespace, name = _key(route)
        served = (route["metadata"].get("labels") or {}).get(names.MODEL_DEPLOYMENT)
        kind = resources.MODEL_DEPLOYMENTS.kind if served == name else resources.HTTP_ROUTES.kind
        yield Claim(namespace, kind, name, frozenset(route["spec"].get("hostnames") or ()), prefixes_in(route))


def _of_new_deployments(deployments: Iterable[Object], obj: Object, now: datetime) -> Iterator[Claim]:
    """What ModelDeployments claim that are older than ``obj`` and still new: they may be about to serve."""
    wanted = wanted_listener(obj)
    for other in deployments:
        metadata = other["metadata"]
        if _age(other) >= _age(obj) or "deletionTimestamp" in metadata or not _is_new(metadata, now):
            continue
        if wanted.shares(wanted_listener(other)):
            hostnames = frozenset(other["spec"]["route"]["hostnames"])
            prefixes = prefixes_of(other["spec"]["route"].get("matches") or [])
            yield Claim(metadata["namespace"], resources.MODEL_DEPLOYMENTS.kind, metadata["name"], hostnames, prefixes)


def _told(taken: list[str], other: Claim, obj: Object) -> str:
    """The message. An object of another namespace is not named: whoever asks may have no right to see it."""
    what = f"spec.route.hostnames: {', '.join(taken)} is claimed"
    if other.namespace == obj["metadata"]["namespace"]:
        who = f"{other.kind} {other.name}"
        return f"{what} by {who} in this namespace; use another hostname, or take it off {who}"
    gateway = wanted_listener(obj)
    return (
        f"{what} on the same Gateway in another namespace; use another hostname, or ask who runs Gateway "
        f"{gateway.name} in namespace {gateway.namespace}: the hostname and allowedRoutes of its listeners say which "
        f"namespace has which hostnames"
    )


def _key(obj: Mapping[str, Any]) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _route_of(obj: Object) -> Object:
    """The parts of an HTTPRoute that its claim depends on."""
    metadata, spec = obj["metadata"], obj["spec"]
    return {
        "metadata": {key: metadata[key] for key in ("namespace", "name", "labels") if key in metadata},
        "spec": {key: spec[key] for key in ("hostnames", "parentRefs") if key in spec}
        | {"rules": [{"matches": rule.get("matches")} for rule in spec.get("rules") or []]},
        "status": obj.get("status") or {},
    }


def _claim_of(obj: Object) -> Object:
    """The parts of a ModelDeployment that its claim depends on."""
    wanted = {"namespace", "name", "uid", "creationTimestamp", "deletionTimestamp"}
    metadata = {key: value for key, value in obj["metadata"].items() if key in wanted}
    return {"metadata": metadata, "spec": {"route": obj["spec"]["route"]}}


def _age(obj: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(obj["metadata"].get("creationTimestamp", "")), *_key(obj)


def _is_new(metadata: Mapping[str, Any], now: datetime) -> bool:
    try:
        created = datetime.fromisoformat(str(metadata.get("creationTimestamp", "")))
    except ValueError:
        return False
    return created.tzinfo is not None and now - created < CLAIM_WITHOUT_ROUTE
