"""Serves /healthz, /readyz and /metrics. kopf's own probe endpoint is not used: it hangs when a probe raises."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiohttp import web

from serin.cluster.permissions import Missing
from serin.controller.metrics import exposition
from serin.controller.watchdog import Watchdog


@dataclass(slots=True)
class State:
    """The state that the probes report."""

    watchdog: Watchdog
    watching: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the watches have begun."""
    standing_by: bool = False
    """Whether this replica waits for the lease; it is ready, as one that leads."""
    missing: tuple[Missing, ...] = ()
    """Permissions that the service account lacks, by the last check that succeeded."""

    @property
    def unhealthy(self) -> str:
        """Why the process should be restarted; empty if it should not."""
        key = self.watchdog.stale_key
        return f"no event arrives any more: {key[0]}/{key[1]} changed and nobody told" if key else ""

    @property
    def not_ready(self) -> str:
        """Why the process is not ready; empty if it is."""
        if self.missing:
            return f"permission missing: {'; '.join(map(str, self.missing))}"
        return "" if self.watching.is_set() or self.standing_by else "starting"


def application(state: State) -> web.Application:
    """The web application with /healthz, /readyz and /metrics."""

    def answer(failure: str, success: str) -> web.Response:
        return web.Response(text=failure or success, status=503 if failure else 200)

    async def healthz(_: web.Request) -> web.Response:
        return answer(state.unhealthy, "ok")

    async def readyz(_: web.Request) -> web.Response:
        return answer(state.not_ready, "standing by" if state.standing_by else "ready")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=exposition(), content_type="text/plain")

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return app


@contextlib.asynccontextmanager
async def serving(host: str, port: int, state: State) -> AsyncIterator[None]:
    """Serves the probes and the metrics during the block; with port 0 it serves nothing."""
    if port == 0:
        yield
        return
    runner = web.AppRunner(application(state), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()
