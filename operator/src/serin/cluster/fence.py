"""Fences writes: they raise ``NotLeader`` as soon as this replica may no longer hold the lease.

Status writes and the route carry the ``resourceVersion`` that was read, so two leaders cannot both change a weight.
The fence also stops a replica that was paused and still takes itself for the leader.
"""

from __future__ import annotations

from collections.abc import Callable

from serin.cluster.client import Cluster, Object
from serin.cluster.forwarding import ForwardedReads
from serin.cluster.resources import Resource
from serin.errors import NotLeader


class FencedCluster(ForwardedReads):
    """Forwards reads always and writes while ``leads()``; otherwise writes raise ``NotLeader``."""

    def __init__(self, cluster: Cluster, leads: Callable[[], bool]) -> None:
        super().__init__(cluster)
        self._leads = leads

    def _check(self, verb: str, resource: Resource) -> None:
        if not self._leads():
            raise NotLeader(f"{verb} {resource.plural}: this replica does not lead")

    async def create(self, resource: Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        """See :class:`Cluster`."""
        self._check("create", resource)
        return await self._cluster.create(resource, namespace, body, dry_run=dry_run)

    async def apply(self, resource: Resource, body: Object, *, manager: str) -> Object:
        """See :class:`Cluster`."""
        self._check("apply", resource)
        return await self._cluster.apply(resource, body, manager=manager)

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        """See :class:`Cluster`."""
        self._check("patch", resource)
        return await self._cluster.merge(resource, namespace, name, patch)

    async def update_status(self, resource: Resource, body: Object) -> Object:
        """See :class:`Cluster`."""
        self._check("update", resource)
        return await self._cluster.update_status(resource, body)

    async def delete(self, resource: Resource, namespace: str, name: str, *, uid: str = "") -> None:
        """See :class:`Cluster`."""
        self._check("delete", resource)
        await self._cluster.delete(resource, namespace, name, uid=uid)
