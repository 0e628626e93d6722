"""An aiohttp application in a thread of its own: the scenarios are synchronous, what stands in their way is not."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Self

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Future
    from types import TracebackType

STARTED_WITHIN_SECONDS = 20


class BackgroundServer:
    """Listens on loopback while a ``with`` block lasts; subclasses answer."""

    port: int

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    async def opened(self) -> None:
        """Called in the loop before it listens."""

    async def closed(self) -> None:
        """Called in the loop after it has stopped listening."""

    async def handle(self, incoming: web.Request) -> web.StreamResponse:
        """Answers one request."""
        raise NotImplementedError

    def call_in_loop(self, work: Callable[[], object]) -> None:
        """Calls ``work`` in the thread of the loop; returns at once."""
        self._loop.call_soon_threadsafe(work)

    async def _serve(self) -> None:
        await self.opened()
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self.handle)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = int(self._runner.addresses[0][1])

    async def _close(self) -> None:
        await self._runner.cleanup()
        await self.closed()

    def _run(self, work: Callable[[], Awaitable[None]]) -> None:
        future: Future[None] = asyncio.run_coroutine_threadsafe(work(), self._loop)  # type: ignore[arg-type]
        future.result(STARTED_WITHIN_SECONDS)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._serve)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
