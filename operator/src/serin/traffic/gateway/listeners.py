"""Where a route is attached: Gateways, and listeners of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serin.cluster import resources


@dataclass(frozen=True, slots=True)
class Listener:
    """Where a route is attached: a Gateway, or one listener of it."""

    namespace: str
    name: str
    section: str | None = None

    def shares(self, other: Listener) -> bool:
        """Whether a request can reach both: one Gateway, and not two sections of it."""
        if (self.namespace, self.name) != (other.namespace, other.name):
            return False
        return self.section is None or other.section is None or self.section == other.section


def wanted_listener(obj: Mapping[str, Any]) -> Listener:
    """The one that a ModelDeployment asks for."""
    return listener_of(obj["spec"]["route"]["parentRef"], obj["metadata"]["namespace"])


def listeners(route: Mapping[str, Any]) -> list[Listener]:
    """Where an HTTPRoute is attached."""
    refs = [ref for ref in route["spec"].get("parentRefs") or [] if is_gateway(ref)]
    return [listener_of(ref, route["metadata"]["namespace"]) for ref in refs]


def listener_of(ref: Mapping[str, Any], namespace: str) -> Listener:
    """The one of a reference in an object of ``namespace``."""
    return Listener(ref.get("namespace") or namespace, ref["name"], ref.get("sectionName"))


def is_gateway(ref: Mapping[str, Any]) -> bool:
    """Whether the parent is a Gateway; a mesh has Services as parents."""
    group = ref.get("group", resources.HTTP_ROUTES.group)
    return bool(group == resources.HTTP_ROUTES.group and ref.get("kind", "Gateway") == "Gateway")


def is_accepted(route: Mapping[str, Any], wanted: Listener) -> bool:
    """Whether the Gateway has accepted the route: from a namespace that it does not let in, nobody has a hostname."""
    namespace = route["metadata"]["namespace"]
    return any(
        condition.get("type") == "Accepted" and condition.get("status") == "True"
        for parent in (route.get("status") or {}).get("parents") or []
        if "parentRef" not in parent or wanted.shares(listener_of(parent["parentRef"], namespace))
        for condition in parent.get("conditions") or []
    )
