"""Conflicts over a route: an HTTPRoute of another owner, or a hostname of an older ModelDeployment."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serin.api import names
from serin.api.status import ModelDeploymentStatus
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.cluster.paging import reduced
from serin.errors import Refused, Unavailable
from serin.rollout.observation import Problem
from serin.schema.reasons import Reason


@dataclass(frozen=True, slots=True)
class RouteClaim:
    """The state of the ModelDeployment that its claim on a hostname depends on."""

    status: ModelDeploymentStatus
    route: Mapping[str, Any] | None
    has_ready_arm: bool
    """The route may be created in this pass."""


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
    """The problem if an older ModelDeployment has the same hostname on the same gateway; None otherwise.

    A gateway sends the requests of a hostname to the older of two routes: the younger model would get none.

    It lists all ModelDeployments, so it runs only before a first deployment, before its route is created, and before
    the hostnames change. Raises ``Refused`` or ``Unavailable`` if the list fails and nothing serves yet.
    """
    hostnames, route, status = set(obj["spec"]["route"]["hostnames"]), claim.route, claim.status
    if route is None and (status.stable is not None or (status.candidate is not None and not claim.has_ready_arm)):
        return None
    if route is not None and hostnames == set(route["spec"].get("hostnames") or []):
        return None
    try:
        # Of each only what is needed: all predictors of a cluster may be larger than this process may be.
        reads = (reduced(cluster, resources.MODEL_DEPLOYMENTS, n, _claim_of) for n in namespaces or ("",))
        lists = await asyncio.gather(*reads)
    except (Refused, Unavailable) as error:
        if route is None or status.rollout is not None:  # the part becomes unknown, which holds forward moves
            raise
        # The existing route is kept with its current hostnames.
        message = f"spec.route.hostnames: whether somebody else claims them cannot be read: {error}"
        return Problem(Reason.HOSTNAME_TAKEN, message)
    for other in sorted((o for found in lists for o in found), key=_age):
        common = hostnames & set(other["spec"]["route"]["hostnames"])
        if _age(other) < _age(obj) and common and _same_listener(other, obj):
            metadata = other["metadata"]
            message = (
                f"spec.route.hostnames: {', '.join(sorted(common))} is claimed by the older ModelDeployment "
                f"{metadata['name']} in namespace {metadata['namespace']}; use another hostname, or delete that one"
            )
            return Problem(Reason.HOSTNAME_TAKEN, message)
    return None


def _claim_of(obj: Object) -> Object:
    """The parts of a ModelDeployment that its claim depends on."""
    wanted = {"namespace", "name", "uid", "creationTimestamp"}
    metadata = {key: value for key, value in obj["metadata"].items() if key in wanted}
    return {"metadata": metadata, "spec": {"route": obj["spec"]["route"]}}


def _age(obj: Mapping[str, Any]) -> tuple[str, str, str]:
    metadata = obj["metadata"]
    return str(metadata.get("creationTimestamp", "")), metadata["namespace"], metadata["name"]


def _same_listener(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether both routes are attached to the same listener: one gateway, and not two sections of it."""
    sections = {o["spec"]["route"]["parentRef"].get("sectionName") for o in (one, other)} - {None}
    return _gateway(one) == _gateway(other) and len(sections) < 2  # noqa: PLR2004 - one each


def _gateway(obj: Mapping[str, Any]) -> tuple[str, str]:
    parent = obj["spec"]["route"]["parentRef"]
    return parent.get("namespace") or obj["metadata"]["namespace"], parent["name"]
