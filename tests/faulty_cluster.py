"""A cluster of which one kind of read or write fails in one way, for tests of failing calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from serin.cluster.client import Object, Objects
from serin.cluster.paging import Page
from serin.cluster.resources import Resource
from serin.errors import Conflict, Refused, Unavailable
from tests.fakes import FakeCluster


def refused() -> Exception:
    return Refused('pods is forbidden: User "serin" cannot list resource "pods" in API group "" in namespace "prod"')


def unavailable() -> Exception:
    return Unavailable("503 the server is currently unable to handle the request")


def conflict() -> Exception:
    return Conflict("409 the object has been modified; please apply your changes to the latest version")


def invalid() -> Exception:
    return Refused("422 is invalid: spec.replicas: must be positive")


def quota() -> Exception:
    return Refused("403 forbidden: exceeded quota: small, requested: count=1, used: 1, limited: 1")


def webhook() -> Exception:
    return Refused('403 admission webhook "strict.example.com" denied the request: no')


MALFORMED: dict[str, Any] = {"metadata": {"name": "x", "labels": None}, "spec": 7, "endpoints": "no", "status": []}


@dataclass
class FaultyCluster:
    """Passes everything on to ``real``, except for one verb on one kind."""

    real: FakeCluster
    verb: str = ""
    plural: str = ""
    error: Callable[[], Exception] | None = None
    """What is raised; None: it hangs."""
    malformed: bool = False
    """A list has an object of another shape in it, or a get answers one."""
    failed: list[str] = field(default_factory=list)
    """The calls that failed."""

    def mend(self) -> None:
        """Everything works again."""
        self.verb = self.plural = ""
        self.malformed = False

    async def _fault(self, verb: str, resource: Resource) -> bool:
        """Fails if this is the call that fails; whether its answer is to be malformed."""
        if (verb, resource.plural) != (self.verb, self.plural):
            return False
        self.failed.append(f"{verb} {resource.plural}")
        if self.malformed:
            return True
        if self.error is None:
            await asyncio.Event().wait()
            raise AssertionError
        raise self.error()

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        if await self._fault("get", resource):
            return MALFORMED
        return await self.real.get(resource, namespace, name)

    async def list(self, resource: Resource, namespace: str, selector: str) -> list[Object]:
        if await self._fault("list", resource):
            return [MALFORMED]
        return await self.real.list(resource, namespace, selector)

    async def list_page(self, resource: Resource, namespace: str, selector: str, *, limit: int, token: str) -> Page:
        if await self._fault("list", resource):
            return Page([MALFORMED], "", 0)
        return await self.real.list_page(resource, namespace, selector, limit=limit, token=token)

    async def list_rows(self, resource: Resource, namespace: str, selector: str) -> Objects:
        if await self._fault("list", resource):
            return [MALFORMED]
        return await self.real.list_rows(resource, namespace, selector)

    async def create(self, resource: Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        await self._fault("dry-run" if dry_run else "create", resource)
        return await self.real.create(resource, namespace, body, dry_run=dry_run)

    async def apply(self, resource: Resource, body: Object, *, manager: str) -> Object:
        await self._fault("apply", resource)
        return await self.real.apply(resource, body, manager=manager)

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        await self._fault("merge", resource)
        return await self.real.merge(resource, namespace, name, patch)

    async def update_status(self, resource: Resource, body: Object) -> Object:
        await self._fault("status", resource)
        return await self.real.update_status(resource, body)

    async def delete(self, resource: Resource, namespace: str, name: str, *, uid: str = "") -> None:
        await self._fault("delete", resource)
        await self.real.delete(resource, namespace, name, uid=uid)
