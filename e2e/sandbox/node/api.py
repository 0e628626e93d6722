"""How does the node talk to the API server: single requests, and watches that mend themselves?"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

Json: TypeAlias = dict[str, Any]
EventKind: TypeAlias = Literal["SYNC", "ADDED", "MODIFIED", "DELETED"]

STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"

_WATCH_SECONDS = 300
_RELIST_PAUSE_S = 0.5

log = logging.getLogger(__name__)


class ApiError(Exception):
    """The API server refused a request (`status` is its HTTP code) or could not be reached (`status` 0)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status or 'no answer'}: {message}")
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One object that changed, or (`SYNC`) all objects there are: whatever is not among them is gone."""

    kind: EventKind
    objects: tuple[Json, ...]


def timestamp() -> str:
    """Give the present moment as Kubernetes writes it, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Api:
    """A client of the API server; every failure is an ApiError."""

    def __init__(self, url: str, token: str, ca: Path) -> None:
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            verify=ssl.create_default_context(cafile=ca),
            timeout=httpx.Timeout(10),
            trust_env=False,  # a proxy of the machine has no business between the node and its API server
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Json:
        """Read one object or a list."""
        return await self._send("GET", path, params=params)

    async def post(self, path: str, body: Json) -> Json:
        """Create an object or a sub-resource such as a binding."""
        return await self._send("POST", path, body=body)

    async def patch(self, path: str, body: Json, media_type: str) -> Json:
        """Change an object; `media_type` is STRATEGIC or MERGE."""
        return await self._send("PATCH", path, body=body, media_type=media_type)

    async def delete(self, path: str, options: Json) -> Json:
        """Delete an object; options go into the body, where the server heeds all of them."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", **options}
        return await self._send("DELETE", path, body=body)

    async def watch(self, path: str, selector: str = "") -> AsyncIterator[WatchEvent]:
        """Yield a SYNC with all objects (with these labels), then every change, for ever.

        A watch that ends, breaks or is told that its history is gone starts again with a new SYNC.
        """
        while True:
            try:
                listing = await self.get(path, {"labelSelector": selector} if selector else None)
                yield WatchEvent("SYNC", tuple(listing["items"]))
                async for event in self._stream(path, listing["metadata"]["resourceVersion"], selector):
                    yield event
            except ApiError as error:
                log.warning("watch of %s: %s", path, error)
            await asyncio.sleep(_RELIST_PAUSE_S)

    async def _stream(self, path: str, version: str, selector: str) -> AsyncIterator[WatchEvent]:
        params = {"watch": "1", "resourceVersion": version, "timeoutSeconds": str(_WATCH_SECONDS)}
        if selector:
            params["labelSelector"] = selector
        timeout = httpx.Timeout(10, read=_WATCH_SECONDS + 30)
        try:
            async with self._client.stream("GET", path, params=params, timeout=timeout) as response:
                if response.status_code != HTTPStatus.OK:
                    raise ApiError(response.status_code, (await response.aread()).decode(errors="replace"))
                async for line in response.aiter_lines():
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise ApiError(event["object"].get("code", 0), event["object"].get("message", ""))
                    yield WatchEvent(event["type"], (event["object"],))
        except (httpx.HTTPError, ValueError) as error:
            raise ApiError(0, repr(error)) from error

    async def _send(
        self,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        params: Mapping[str, str] | None = None,
        media_type: str = "application/json",
    ) -> Json:
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": media_type} if body is not None else {}
        try:
            response = await self._client.request(method, path, content=content, params=params, headers=headers)
            answer: Any = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ApiError(0, f"{method} {path}: {error!r}") from error
        if response.is_error:
            reason = answer.get("message", "") if isinstance(answer, dict) else str(answer)
            raise ApiError(response.status_code, f"{method} {path}: {reason}")
        return dict(answer)
