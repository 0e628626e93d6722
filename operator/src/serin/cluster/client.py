"""How are objects read and written? A few verbs on plain dicts, bounded in time, with our error classes.

Reads are tried again on ``Unavailable``; writes never are, since the caller looks afresh before it writes again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio import client, config

from serin.cluster.resources import Resource
from serin.errors import ClusterError, Conflict, NotFound, Refused, Unavailable

Object = dict[str, Any]
Objects = list[Object]
"""Spelled here because a cluster has a method ``list``."""
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON = "application/json"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


class Cluster(Protocol):
    """What the rest of Serin needs of an API server."""

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """The object; ``NotFound``."""
        ...

    async def list(self, resource: Resource, namespace: str, selector: str) -> list[Object]:
        """All objects that the label selector matches; without a namespace, those of all."""
        ...

    async def list_rows(self, resource: Resource, namespace: str, selector: str) -> Objects:
        """The same objects as ``kubectl get`` shows them: ``metadata``, and the printer columns by name in ``columns``.

        What is large stays at the server.
        """
        ...

    async def create(self, resource: Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        """Creates (or only asks whether it could); ``Conflict`` if it exists."""
        ...

    async def apply(self, resource: Resource, body: Object, *, manager: str) -> Object:
        """Server-side apply, taking over fields that others own."""
        ...

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        """JSON merge patch."""
        ...

    async def update_status(self, resource: Resource, body: Object) -> Object:
        """Replaces ``status``; ``Conflict`` unless ``resourceVersion`` is the newest."""
        ...

    async def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """Deletes in the background; nothing if it is gone."""
        ...


class KubernetesCluster:
    """The real API server, through ``kubernetes.aio``."""

    def __init__(self, api: client.ApiClient, *, timeout: float = 10.0, read_attempts: int = 3) -> None:
        self._api, self._timeout, self._attempts = api, timeout, read_attempts

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """See :class:`Cluster`."""
        return await self._read(resource.path(namespace, name))

    async def list(self, resource: Resource, namespace: str, selector: str) -> list[Object]:
        """See :class:`Cluster`."""
        answer = await self._read(f"{resource.path(namespace)}{_selecting(selector)}")
        return list(answer.get("items") or [])

    async def list_rows(self, resource: Resource, namespace: str, selector: str) -> Objects:
        """See :class:`Cluster`."""
        answer = await self._read(f"{resource.path(namespace)}{_selecting(selector)}", accept=TABLE)
        columns = [column["name"] for column in answer.get("columnDefinitions") or []]
        return [
            {"metadata": row["object"]["metadata"], "columns": dict(zip(columns, row["cells"], strict=True))}
            for row in answer.get("rows") or []
        ]

    async def create(self, resource: Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        """See :class:`Cluster`."""
        return await self._request("POST", resource.path(namespace) + ("?dryRun=All" if dry_run else ""), body)

    async def apply(self, resource: Resource, body: Object, *, manager: str) -> Object:
        """See :class:`Cluster`."""
        metadata = body["metadata"]
        query = {"fieldManager": manager, "force": "true"}
        path = f"{resource.path(metadata['namespace'], metadata['name'])}?{urlencode(query)}"
        return await self._request("PATCH", path, body, APPLY)

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        """See :class:`Cluster`."""
        return await self._request("PATCH", resource.path(namespace, name), patch, MERGE)

    async def replace(self, resource: Resource, body: Object) -> Object:
        """Replaces the whole object; ``Conflict`` unless ``resourceVersion`` is the newest."""
        metadata = body["metadata"]
        return await self._request("PUT", resource.path(metadata["namespace"], metadata["name"]), body)

    async def post(self, path: str, body: Object) -> Object:
        """Sends a review, which is answered and not stored."""
        return await self._request("POST", path, body)

    async def update_status(self, resource: Resource, body: Object) -> Object:
        """See :class:`Cluster`."""
        metadata = body["metadata"]
        return await self._request("PUT", resource.path(metadata["namespace"], metadata["name"], "status"), body)

    async def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """See :class:`Cluster`."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        try:
            await self._request("DELETE", resource.path(namespace, name), body)
        except NotFound:
            return

    async def _read(self, path: str, accept: str = JSON) -> Object:
        for attempt in range(self._attempts):
            try:
                return await self._request("GET", path, accept=accept)
            except Unavailable as error:
                if attempt + 1 == self._attempts:
                    raise
                await asyncio.sleep(min(error.retry_after or 0.2 * 2**attempt, 2.0))
        raise AssertionError  # pragma: no cover - the loop returns or raises

    async def _request(
        self, method: str, path: str, body: Object | None = None, content: str = JSON, *, accept: str = JSON
    ) -> Object:
        headers = {"Accept": accept, "Content-Type": content}
        try:
            async with asyncio.timeout(self._timeout):
                verb, url, header, _, _ = await self._api.param_serialize(
                    method, path, header_params=headers, auth_settings=["BearerToken"]
                )
                answer = await self._api.call_api(verb, url, header, body, _request_timeout=self._timeout)
                data = await answer.read()  # type: ignore[no-untyped-call]
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            message = f"{method} {path.split('?', maxsplit=1)[0]}: {type(error).__name__}: {error}"
            raise Unavailable(message) from error
        return _checked(f"{method} {path.split('?', maxsplit=1)[0]}", answer.status, data or b"{}", answer.headers)


def _selecting(selector: str) -> str:
    return f"?{urlencode({'labelSelector': selector})}" if selector else ""


def _checked(what: str, status: int, data: bytes, headers: Mapping[str, str]) -> Object:
    """The decoded answer, or the error that fits its status."""
    try:
        parsed = json.loads(data)
    except ValueError as error:
        message = f"{what}: status {status}, and the answer is not JSON"
        raise Unavailable(message) from error
    if status < 400:  # noqa: PLR2004 - HTTP
        return dict(parsed)
    message = f"{what}: {status} {parsed.get('message', '')}"
    raise error_for(status, message, headers)


def error_for(status: int, message: str, headers: Mapping[str, str]) -> ClusterError:
    """The error class for an HTTP status of the API server."""
    if status in {404, 410}:
        return NotFound(message)
    if status == 409:  # noqa: PLR2004
        return Conflict(message)
    if status == 429 or status >= 500:  # noqa: PLR2004
        wish = headers.get("Retry-After", "")
        return Unavailable(message, float(wish) if wish.isdigit() else None)
    return Refused(message)


class Credentials:
    """Where the API server is and who we are; the token is read afresh each time, since it is rotated."""

    def __init__(self, settings: client.Configuration) -> None:
        self._settings = settings

    @property
    def server(self) -> str:
        """URL of the API server."""
        return str(self._settings.host)

    @property
    def ca_path(self) -> str | None:
        """File of the certificate authority."""
        return self._settings.ssl_ca_cert

    async def token(self) -> str | None:
        """The bearer token now, without the scheme: the library writes "Bearer" of a kubeconfig, "bearer" of a pod."""
        value = await self._settings.get_api_key_with_prefix("BearerToken")
        return value.split()[-1] if value else None


@contextlib.asynccontextmanager
async def connect() -> AsyncIterator[tuple[KubernetesCluster, Credentials]]:
    """The cluster that the process runs in, or the one of the kubeconfig."""
    settings = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
    except config.ConfigException:
        await config.load_kube_config(client_configuration=settings)  # type: ignore[no-untyped-call]
    api = client.ApiClient(settings)
    try:
        yield KubernetesCluster(api), Credentials(settings)
    finally:
        await api.close()  # type: ignore[no-untyped-call]
