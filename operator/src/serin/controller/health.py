"""Is the process alive and ready? A small HTTP server of our own: kopf's probe endpoint hangs when a probe raises."""

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
    """What the probes tell."""

    watchdog: Watchdog
    watching: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the event sources have begun."""
    standing_by: bool = False
    """Waits for the lease: as ready as a replica that leads."""
    missing: tuple[Missing, ...] = ()
    """Permissions that the service account lacks, as of the last check that succeeded."""

    @property
    def unhealthy(self) -> str:
        """Why the process should be restarted; empty while it should not. That it answers at all is the other half."""
        key = self.watchdog.deaf
        return f"no event arrives any more: {key[0]}/{key[1]} changed and nobody told" if key else ""

    @property
    def not_ready(self) -> str:
        """Why the process is not ready; empty when it is."""
        if self.missing:
            return f"permission missing: {'; '.join(map(str, self.missing))}"
        return "" if self.watching.is_set() or self.standing_by else "starting"


def application(state: State) -> web.Application:
    """Answers /healthz, /readyz and /metrics."""

    def answer(trouble: str, well: str) -> web.Response:
        return web.Response(text=trouble or well, status=503 if trouble else 200)

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
    """Serves the probes and the metrics while the block runs; with port 0 nothing listens at all."""
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
