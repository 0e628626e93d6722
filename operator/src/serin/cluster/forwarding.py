"""Base of the classes that wrap a cluster: it forwards reads unchanged."""

from __future__ import annotations

from serin.cluster.client import Cluster, Object, Objects
from serin.cluster.paging import Page
from serin.cluster.resources import Resource


class ForwardedReads:
    """Forwards reads to the wrapped cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """See :class:`Cluster`."""
        return await self._cluster.get(resource, namespace, name)

    async def list(self, resource: Resource, namespace: str, selector: str) -> Objects:
        """See :class:`Cluster`."""
        return await self._cluster.list(resource, namespace, selector)

    async def list_page(self, resource: Resource, namespace: str, selector: str, *, limit: int, token: str) -> Page:
        """See :class:`Cluster`."""
        return await self._cluster.list_page(resource, namespace, selector, limit=limit, token=token)

    async def list_rows(self, resource: Resource, namespace: str, selector: str) -> Objects:
        """See :class:`Cluster`."""
        return await self._cluster.list_rows(resource, namespace, selector)
