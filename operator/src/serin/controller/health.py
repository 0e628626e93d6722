"""Is the process alive and ready? A small HTTP server of our own: kopf's probe endpoint hangs when a probe raises."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from aiohttp import web

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
    missing: list[str] = field(default_factory=list)
    """Permissions that the service account lacks."""

    @property
    def unhealthy(self) -> str:
        """Why the process should be restarted; empty while it should not. That it answers at all is the other half."""
        key = self.watchdog.deaf
        return f"no event arrives any more: {key[0]}/{key[1]} changed and nobody told" if key else ""

    @property
    def not_ready(self) -> str:
        """Why the process is not ready; empty when it is."""
        if self.missing:
            return f"permission missing: {'; '.join(self.missing)}"
        return "" if self.watching.is_set() or self.standing_by else "starting"


async def serve(host: str, port: int, state: State) -> web.AppRunner:
    """Serves /healthz, /readyz and /metrics; ``cleanup()`` the runner to stop."""

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
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
