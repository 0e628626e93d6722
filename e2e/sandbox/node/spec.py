"""What does a pod ask for that the sandbox's node cannot do, and what are its plain facts?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .memory import parse_quantity

if TYPE_CHECKING:
    from .api import Json

_HANDLERS = ("httpGet", "tcpSocket", "exec")
_HOST_FIELDS = ("hostNetwork", "hostPID", "hostIPC")
_HOOKS = ("exec", "sleep", "httpGet")
_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def unsupported(pod: Json) -> list[str]:
    """List, as sentences, what the pod asks for and the node refuses; a pod is run only if there is none."""
    spec = pod["spec"]
    found = [f"{field} is not supported" for field in _HOST_FIELDS if spec.get(field)]
    if spec.get("shareProcessNamespace"):
        found.append("shareProcessNamespace is not supported (so neither are oci:// models as modelcars)")
    if spec.get("readinessGates"):
        found.append("readinessGates are not supported")
    if spec.get("activeDeadlineSeconds"):
        found.append("activeDeadlineSeconds is not supported")
    found += [
        f"init container {container['name']}: native sidecars (restartPolicy Always) are not supported"
        for container in spec.get("initContainers") or []
        if container.get("restartPolicy")
    ]
    for container in (spec.get("initContainers") or []) + spec["containers"]:
        found += [f"container {container['name']}: {reason}" for reason in _in_container(container)]
    return found


def named_ports(container: Json) -> dict[str, int]:
    """Give the container's ports by name."""
    ports = container.get("ports") or []
    return {port["name"]: int(port["containerPort"]) for port in ports if "name" in port}


def memory_limit(container: Json) -> int | None:
    """Give the container's memory limit in bytes, or None if it has none."""
    limit = ((container.get("resources") or {}).get("limits") or {}).get("memory")
    return int(parse_quantity(str(limit))) if limit else None


def unschedulable(pod: Json, labels: dict[str, str], resources: frozenset[str]) -> str | None:
    """Say, as a scheduler does, why the pod fits on no node; None if it fits on this one, the only one.

    Only what no node of the sandbox has is refused (kinds of resources, labels); amounts are not counted.
    """
    selector = pod["spec"].get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        return "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
    asked: set[str] = set()
    for container in (pod["spec"].get("initContainers") or []) + pod["spec"]["containers"]:
        needs = container.get("resources") or {}
        asked |= set(needs.get("requests") or {}) | set(needs.get("limits") or {})
    if missing := sorted(asked - resources):
        return f"0/1 nodes are available: 1 Insufficient {', 1 Insufficient '.join(missing)}."
    return None


def _in_container(container: Json) -> list[str]:
    found = []
    for name in _PROBES:
        probe = container.get(name)
        if probe and not any(handler in probe for handler in _HANDLERS):
            found.append(f"{name} is of a kind that is not supported (supported: {', '.join(_HANDLERS)})")
    hooks = container.get("lifecycle") or {}
    if hooks.get("postStart"):
        found.append("postStart hooks are not supported")
    pre_stop = hooks.get("preStop")
    if pre_stop and not any(hook in pre_stop for hook in _HOOKS):
        found.append(f"preStop is of a kind that is not supported (supported: {', '.join(_HOOKS)})")
    if container.get("volumeDevices"):
        found.append("volumeDevices are not supported")
    return found
