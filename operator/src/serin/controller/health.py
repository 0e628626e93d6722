"""Serves /healthz, /readyz and /metrics. kopf's own probe endpoint is not used: it hangs when a probe raises.

They are served on the reconcile loop on purpose: /healthz shows that it turns. What stays on it is reading a request
and sending the answer, for a bounded number of connections; the metrics are rendered in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from aiohttp import web

from serin.cluster.permissions import Missing
from serin.controller.metrics.exposition import Exposition
from serin.controller.watchdog import Watchdog

MOST_CONNECTIONS = 64


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


def application(state: State, *, exemplars: bool = False) -> web.Application:
    """The web application with /healthz, /readyz and /metrics."""

    def answer(failure: str, success: str) -> web.Response:
        return web.Response(text=failure or success, status=503 if failure else 200)

    async def healthz(_: web.Request) -> web.Response:
        return answer(state.unhealthy, "ok")

    async def readyz(_: web.Request) -> web.Response:
        return answer(state.not_ready, "standing by" if state.standing_by else "ready")

    async def metrics(request: web.Request) -> web.Response:
        text, kind = await exposition.text(request.headers.get("Accept", ""))
        return web.Response(body=text, headers={"Content-Type": kind})

    app, exposition = web.Application(client_max_size=1024), Exposition(exemplars=exemplars)
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return app


@contextlib.asynccontextmanager
async def serving(host: str, port: int, state: State, *, exemplars: bool = False) -> AsyncIterator[None]:
    """Serves the probes and the metrics during the block; with port 0 it serves nothing."""
    if port == 0:
        yield
        return
    runner = web.AppRunner(application(state, exemplars=exemplars), access_log=None)
    await runner.setup()
    try:
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(_bounded(runner), host, port, backlog=128)
        try:
            yield
        finally:
            listener.close()
    finally:
        await runner.cleanup()


def _bounded(runner: web.AppRunner) -> Callable[[], asyncio.Protocol]:
    """Makes the protocol of each new connection; above the bound it closes the oldest one.

    The newest is never turned away: the kubelet's probes last some milliseconds, what fills the port up stays.
    """
    server = runner.server
    if server is None:  # pragma: no cover - it was set up
        message = "the runner has no server"
        raise RuntimeError(message)

    def connection() -> asyncio.Protocol:
        open_ones = [one for one in server.connections if one.transport is not None]
        for oldest in open_ones[: max(0, len(open_ones) + 1 - MOST_CONNECTIONS)]:
            oldest.force_close()
        return server()

    return connection
