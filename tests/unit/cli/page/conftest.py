"""A page that is served on a real port, of a lab."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest
from aiohttp import web

from serin.cli.page.server import Site, Source
from tests.page_world import World

Served = Callable[[World], AbstractAsyncContextManager[str]]


@pytest.fixture
def served() -> Served:
    """Serves the page of a world; gives its address, without a slash at the end."""

    @contextlib.asynccontextmanager
    async def serving(world: World) -> AsyncIterator[str]:
        import asyncio

        site = Site(Source(world.board, world.records, world.now), least_between=0.0)
        site.listen(asyncio.get_running_loop())
        runner = web.AppRunner(site.application(["page.example.com"]), handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    return serving
