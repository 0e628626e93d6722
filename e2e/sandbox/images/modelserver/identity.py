"""Which version gave this answer? A response header says so, on errors as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "x-model-version"


class VersionHeader:
    """ASGI middleware that adds the version to every response."""

    def __init__(self, app: ASGIApp, version: str) -> None:
        self._app = app
        self._header = (HEADER.encode(), version.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; add the header where a response starts."""

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), self._header]
            await send(message)

        await self._app(scope, receive, send_named)
