"""Limits the time of writes while a candidate gets requests.

A pass sends its writes one after the other, and judges the next windows in the next pass: a write that hangs would
delay a rollback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from serin.cluster.client import Cluster, Object
from serin.cluster.forwarding import ForwardedReads
from serin.cluster.resources import Resource
from serin.errors import Unavailable

T = TypeVar("T")


class DeadlineCluster(ForwardedReads):
    """Forwards everything; a write that takes longer than ``seconds`` raises ``Unavailable``.

    The server may carry it out all the same, as after any timeout: the next pass reads the object again.
    """

    def __init__(self, cluster: Cluster, seconds: float) -> None:
        super().__init__(cluster)
        self._seconds = seconds

    async def _in_time(self, verb: str, resource: Resource, write: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._seconds):
                return await write
        except TimeoutError as error:
            raise Unavailable(f"{verb} {resource.plural}: no answer within {self._seconds:g} s") from error

    async def create(self, resource: Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        """See :class:`Cluster`."""
        write = self._cluster.create(resource, namespace, body, dry_run=dry_run)
        return await self._in_time("create", resource, write)

    async def apply(self, resource: Resource, body: Object, *, manager: str) -> Object:
        """See :class:`Cluster`."""
        return await self._in_time("apply", resource, self._cluster.apply(resource, body, manager=manager))

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        """See :class:`Cluster`."""
        return await self._in_time("patch", resource, self._cluster.merge(resource, namespace, name, patch))

    async def update_status(self, resource: Resource, body: Object) -> Object:
        """See :class:`Cluster`."""
        return await self._in_time("update", resource, self._cluster.update_status(resource, body))

    async def delete(self, resource: Resource, namespace: str, name: str, *, uid: str = "") -> None:
        """See :class:`Cluster`."""
        await self._in_time("delete", resource, self._cluster.delete(resource, namespace, name, uid=uid))
