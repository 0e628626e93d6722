"""Is the process alive and ready? A small HTTP server of our own: kopf's probe endpoint hangs when a probe raises."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from serin.controller.metrics import exposition


async def serve(host: str, port: int, ready: Callable[[], bool]) -> web.AppRunner:
    """Serves /healthz (the event loop turns), /readyz and /metrics; ``cleanup()`` the runner to stop."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def readyz(_: web.Request) -> web.Response:
        return web.Response(text="ready") if ready() else web.Response(text="starting", status=503)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=exposition(), content_type="text/plain")

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
