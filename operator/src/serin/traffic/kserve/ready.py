"""How many endpoints of a Service are ready."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def ready_endpoints(slices: Iterable[Mapping[str, Any]]) -> int:
    """Number of ready endpoints that are not terminating.

    Counted by pod, as a dual-stack Service lists each pod once per address family. Endpoints without a pod are counted
    by address, in the address family that has the most.
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
