"""Why a gateway does not let a route in, and whose object has to allow it.

A route lies in the ModelDeployment's namespace. Whether a Gateway of another namespace takes it is decided by that
Gateway's listeners (``allowedRoutes``, ``hostname``); whether a route may send requests into another namespace, by a
ReferenceGrant there. Serin reads neither: the gateway's controller says what is missing, and this says who mends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def how_to_mend(reason: str, route: Mapping[str, Any], parent: Mapping[str, Any]) -> str:
    """What to change for a condition that is False, with the object in which; empty for other reasons.

    ``parent``: the entry in the route's status.
    """
    namespace, asked = route["metadata"].get("namespace", ""), _asked(route, parent)
    gateway = f"Gateway {asked.get('name', '')} in namespace {asked.get('namespace') or namespace}"
    section = asked.get("sectionName")
    listener = f"listener {section}" if section else "a listener"
    match reason:
        case "NotAllowedByListeners":
            return (
                f"{listener} of {gateway} has to let namespace {namespace} in: allowedRoutes.namespaces with from: "
                f"All, or with a selector that matches a label of namespace {namespace}, and allowedRoutes.kinds with "
                f"{route.get('kind', 'HTTPRoute')} if it lists kinds"
            )
        case "NoMatchingListenerHostname":
            names = ", ".join(map(str, route["spec"].get("hostnames") or []))
            return (
                f"the hostname of {listener} of {gateway} has to fit {names}; use hostnames that fit, or have a "
                f"listener added"
            )
        case "NoMatchingParent":
            what = f"named {section}" if section else "for it"
            return f"{gateway} has no listener {what}; correct spec.route.parentRef, or have one added"
        case "RefNotPermitted":
            return (
                f"a Service of another namespace needs a ReferenceGrant there, from {route.get('kind', 'HTTPRoute')} "
                f"of namespace {namespace} to the Service"
            )
    return ""


def _asked(route: Mapping[str, Any], parent: Mapping[str, Any]) -> Mapping[str, Any]:
    """The reference to the Gateway that the entry is about."""
    refs = route["spec"].get("parentRefs") or [{}]
    found: Mapping[str, Any] = parent.get("parentRef") or refs[0]
    return found
