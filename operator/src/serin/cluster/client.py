"""Reads and writes Kubernetes objects as plain dicts, with a timeout per request and the errors of ``serin.errors``.

Reads are retried on ``Unavailable``. Writes are not: the caller reads again before it writes again.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio import client

from serin.api.names import MANAGER
from serin.cluster.answers import checked, continue_token, list_path, object_path
from serin.cluster.paging import Page, whole_list
from serin.cluster.resources import Resource
from serin.errors import NotFound, Unavailable

Object = dict[str, Any]
Objects = list[Object]
"""An alias, because ``list`` is a method in the classes below."""
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON = "application/json"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the API server, when it is over."""

    verb: str
    """The HTTP method, in lower case."""
    code: int
    """The status code of the answer; 0 without one."""
    seconds: float
    path: str = ""
    """What was asked for, without the parameters."""


class Cluster(Protocol):
    """The requests that Serin sends to an API server; each may raise ``ClusterError``."""

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """The object; ``NotFound``."""
        ...

    async def list(self, resource: Resource, namespace: str, selector: str) -> list[Object]:
        """All objects that match the label selector; with namespace ``""``, those of all namespaces.

        ``Refused`` if they are too many or too large to be kept.
        """
        ...

    async def list_page(self, resource: Resource, namespace: str, selector: str, *, limit: int, token: str) -> Page:
        """One page of the same list, from ``token`` (empty: from its beginning); ``Expired``."""
        ...

    async def list_rows(self, resource: Resource, namespace: str, selector: str) -> Objects:
        """The same objects as rows of ``kubectl get``: ``metadata``, and the printer columns by name in ``columns``.

        The large fields are not transferred.
        """
        ...

    async def create(self, resource: Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        """Creates an object, with ``dry_run`` only checks it; ``Conflict`` if it exists."""
        ...

    async def apply(self, resource: Resource, body: Object, *, manager: str) -> Object:
        """Server-side apply; takes over fields of other managers."""
        ...

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        """JSON merge patch."""
        ...

    async def update_status(self, resource: Resource, body: Object) -> Object:
        """Replaces ``status``; ``Conflict`` unless ``resourceVersion`` is the newest."""
        ...

    async def delete(self, resource: Resource, namespace: str, name: str, *, uid: str = "") -> None:
        """Deletes with background propagation; no error if the object does not exist.

        With ``uid`` only that object: ``Conflict`` if another one has its name by now.
        """
        ...


class KubernetesCluster:
    """The real API server, through ``kubernetes.aio``."""

    def __init__(
        self,
        api: client.ApiClient,
        *,
        timeout: float = 10.0,
        read_attempts: int = 3,
        on_call: Callable[[Call], None] = lambda _: None,
    ) -> None:
        self._api, self._timeout, self._attempts, self._on_call = api, timeout, read_attempts, on_call

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """See :class:`Cluster`."""
        return await self._read(object_path(resource, namespace, name))

    async def list(self, resource: Resource, namespace: str, selector: str) -> list[Object]:
        """See :class:`Cluster`."""

        async def read(limit: int, token: str) -> Page:
            return await self.list_page(resource, namespace, selector, limit=limit, token=token)

        return await whole_list(read, f"list {resource.plural}")

    async def list_page(self, resource: Resource, namespace: str, selector: str, *, limit: int, token: str) -> Page:
        """See :class:`Cluster`."""
        answer, size = await self._read_sized(list_path(resource, namespace, selector, limit, token))
        return Page(list(answer.get("items") or []), continue_token(answer), size)

    async def list_rows(self, resource: Resource, namespace: str, selector: str) -> Objects:
        """See :class:`Cluster`."""
        columns: list[str] = []  # only the first page has to name them

        async def read(limit: int, token: str) -> Page:
            path = list_path(resource, namespace, selector, limit, token)
            answer, size = await self._read_sized(path, accept=TABLE)
            columns[:] = [column["name"] for column in answer.get("columnDefinitions") or []] or columns
            rows = [
                {"metadata": row["object"]["metadata"], "columns": dict(zip(columns, row["cells"], strict=True))}
                for row in answer.get("rows") or []
            ]
            return Page(rows, continue_token(answer), size)

        return await whole_list(read, f"list {resource.plural}")

    async def create(self, resource: Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        """See :class:`Cluster`."""
        query = {"fieldManager": MANAGER, **({"dryRun": "All"} if dry_run else {})}
        return await self._request("POST", f"{resource.path(namespace)}?{urlencode(query)}", body)

    async def apply(self, resource: Resource, body: Object, *, manager: str) -> Object:
        """See :class:`Cluster`."""
        metadata = body["metadata"]
        query = {"fieldManager": manager, "force": "true"}
        path = f"{object_path(resource, metadata['namespace'], metadata['name'])}?{urlencode(query)}"
        return await self._request("PATCH", path, body, APPLY)

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        """See :class:`Cluster`."""
        path = f"{object_path(resource, namespace, name)}?{urlencode({'fieldManager': MANAGER})}"
        return await self._request("PATCH", path, patch, MERGE)

    async def replace(self, resource: Resource, body: Object) -> Object:
        """Replaces the whole object; ``Conflict`` unless ``resourceVersion`` is the newest."""
        metadata = body["metadata"]
        return await self._request("PUT", object_path(resource, metadata["namespace"], metadata["name"]), body)

    async def post(self, path: str, body: Object) -> Object:
        """Creates a review, which the server answers and does not store."""
        return await self._request("POST", path, body)

    async def update_status(self, resource: Resource, body: Object) -> Object:
        """See :class:`Cluster`."""
        metadata = body["metadata"]
        path = object_path(resource, metadata["namespace"], metadata["name"], "status")
        return await self._request("PUT", path, body)

    async def delete(self, resource: Resource, namespace: str, name: str, *, uid: str = "") -> None:
        """See :class:`Cluster`."""
        body: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if uid:
            body["preconditions"] = {"uid": uid}
        try:
            await self._request("DELETE", object_path(resource, namespace, name), body)
        except NotFound:
            return

    async def release(self, resource: Resource, namespace: str, name: str, *, uid: str) -> None:
        """Deletes an object and keeps what it owns, which then has no owner."""
        body: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Orphan"}
        try:
            await self._request(
                "DELETE", object_path(resource, namespace, name), {**body, "preconditions": {"uid": uid}}
            )
        except NotFound:
            return

    async def _read(self, path: str) -> Object:
        return (await self._read_sized(path))[0]

    async def _read_sized(self, path: str, accept: str = JSON) -> tuple[Object, int]:
        """The answer and its size in bytes."""
        for attempt in range(self._attempts):
            try:
                return await self._send("GET", path, accept=accept)
            except Unavailable as error:
                if attempt + 1 == self._attempts:
                    raise
                await asyncio.sleep(min(error.retry_after or 0.2 * 2**attempt, 2.0))
        raise AssertionError  # pragma: no cover - the loop returns or raises

    async def _request(self, method: str, path: str, body: Object, content: str = JSON) -> Object:
        return (await self._send(method, path, body, content))[0]

    async def _send(
        self, method: str, path: str, body: Object | None = None, content: str = JSON, *, accept: str = JSON
    ) -> tuple[Object, int]:
        headers = {"Accept": accept, "Content-Type": content}
        code, started, plain = 0, time.monotonic(), path.split("?", maxsplit=1)[0]
        try:
            async with asyncio.timeout(self._timeout):
                verb, url, header, _, _ = await self._api.param_serialize(
                    method, path, header_params=headers, auth_settings=["BearerToken"]
                )
                answer = await self._api.call_api(verb, url, header, body, _request_timeout=self._timeout)
                data = await answer.read()  # type: ignore[no-untyped-call]
                code = answer.status
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"{method} {plain}: {_why(error)}") from error
        finally:
            self._on_call(Call(method.lower(), code, time.monotonic() - started, plain))
        return checked(f"{method} {plain}", answer.status, data or b"{}", answer.headers), len(data)


def _why(error: Exception) -> str:
    """Why there is no answer; the library's words for a refused connection say three times where, and not why."""
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ConnectionError):
        cause = os.strerror(error.os_error.errno) if error.os_error.errno else str(error.os_error)
        return f"cannot connect to {error.host}:{error.port}: {cause}"
    return f"{type(error).__name__}: {error}"
