"""How are objects put onto the sandbox's API server during bring-up, and how is a condition there awaited?"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any, Self

import httpx

from e2e.sandbox.errors import PartError
from e2e.sandbox.layout import API_URL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path
    from types import TracebackType

FIELD_MANAGER = "serin-sandbox"
POLL_SECONDS = 0.05
TRIES_AGAIN = 3
PLURALS = {
    "Namespace": "namespaces",
    "ConfigMap": "configmaps",
    "CustomResourceDefinition": "customresourcedefinitions",
    "ClusterServingRuntime": "clusterservingruntimes",
    "ClusterStorageContainer": "clusterstoragecontainers",
    "EnvoyProxy": "envoyproxies",
    "Gateway": "gateways",
    "GatewayClass": "gatewayclasses",
    "Deployment": "deployments",
    "Service": "services",
    "Secret": "secrets",
    "Endpoints": "endpoints",
    "MutatingWebhookConfiguration": "mutatingwebhookconfigurations",
    "ValidatingWebhookConfiguration": "validatingwebhookconfigurations",
}


class Cluster:
    """A client of the API server with the administrator's rights."""

    def __init__(self, *, ca: Path, token: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=API_URL,
            verify=ssl.create_default_context(cafile=str(ca)),
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        """Open the connections."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def create(self, item: Mapping[str, Any]) -> None:
        """Create an object that does not exist yet. PartError with the server's words if refused.

        A server that did not get through with it in time is asked again: on a busy machine a large definition takes it
        longer than it waits, and may be there all the same.
        """
        response = await self._send("POST", _collection(item), item)
        for _ in range(TRIES_AGAIN):
            if response.status_code != httpx.codes.GATEWAY_TIMEOUT:
                break
            response = await self._send("POST", _collection(item), item)
            if response.status_code == httpx.codes.CONFLICT:
                return
        _check(response, item)

    async def apply(self, item: Mapping[str, Any]) -> None:
        """Create or update an object by server-side apply. PartError with the server's words if refused."""
        path = f"{_collection(item)}/{item['metadata']['name']}?fieldManager={FIELD_MANAGER}&force=true"
        _check(await self._send("PATCH", path, item, {"Content-Type": "application/apply-patch+yaml"}), item)

    async def _send(
        self, method: str, path: str, item: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        try:
            return await self._client.request(method, path, json=item, headers=headers)
        except httpx.HTTPError as error:
            raise PartError(f"The API server did not take {_title(item)}: {error!r}") from error

    async def get(self, path: str) -> dict[str, Any] | None:
        """The object or list at a path; None if it cannot be had right now."""
        try:
            response = await self._client.get(path, timeout=2)
        except httpx.HTTPError:
            return None
        if response.status_code != httpx.codes.OK:
            return None
        answer: dict[str, Any] = response.json()
        return answer

    async def answers(self, path: str) -> bool:
        """Whether a path answers 200 right now."""
        try:
            response = await self._client.get(path, timeout=2)
        except httpx.HTTPError:
            return False
        return response.status_code == httpx.codes.OK


async def until(condition: Callable[[], Awaitable[bool]], *, what: str, seconds: float) -> None:
    """Poll until the condition holds. PartError that says ``what`` is missing after ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            while not await condition():  # noqa: ASYNC110 - what is awaited lives in another process
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError as error:
        raise PartError(f"{what}: not within {seconds:.0f} s.") from error


def condition_is_true(item: Mapping[str, Any] | None, kind: str) -> bool:
    """Whether an object's status has the condition ``kind`` with status True."""
    conditions = ((item or {}).get("status") or {}).get("conditions") or []
    return any(entry["type"] == kind and entry["status"] == "True" for entry in conditions)


def _collection(item: Mapping[str, Any]) -> str:
    version: str = item["apiVersion"]
    prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = item["metadata"].get("namespace")
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"{prefix}{scope}/{PLURALS[item['kind']]}"


def _title(item: Mapping[str, Any]) -> str:
    return f"{item['kind']} {item['metadata']['name']}"


def _check(response: httpx.Response, item: Mapping[str, Any]) -> None:
    if response.is_success:
        return
    try:
        words = response.json().get("message", response.text)
    except ValueError:
        words = response.text
    raise PartError(f"The API server refused {_title(item)} ({response.status_code}): {words}")
