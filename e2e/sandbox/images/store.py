"""How do containers fetch models without a network? From http://models.sandbox/, served by the node."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING

from aiohttp import web

from .models import models_dir

if TYPE_CHECKING:
    from pathlib import Path

PORT = 80
_TYPES = {".gz": "application/gzip", ".json": "application/json"}

log = logging.getLogger(__name__)


class ModelStore:
    """Serves the trained models as archives; trains them first if this machine has none yet."""

    def __init__(self, cache_dir: Path) -> None:
        self._folder = models_dir(cache_dir)
        self._trained: asyncio.Task[bool] | None = None

    async def start(self, host: str, port: int = PORT) -> web.AppRunner:
        """Listen; the caller cleans the runner up. Requests wait until the models are trained."""
        self._trained = asyncio.create_task(self._train())
        app = web.Application()
        app.router.add_get("/{path:.+}", self._serve)
        app.on_cleanup.append(self._stop)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        return runner

    async def _train(self) -> bool:
        if self._folder.is_dir():
            return True
        log.info("training the sandbox's models, once")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "e2e.sandbox.images.train", str(self._folder)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        log.info("training ended with %s: %s", process.returncode, output.decode(errors="replace").strip())
        return process.returncode == 0

    async def _stop(self, _app: web.Application) -> None:
        if self._trained is not None:
            self._trained.cancel()
            await asyncio.wait([self._trained])

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self._trained is None or not await asyncio.shield(self._trained):
            text = "the sandbox's models could not be trained: see the node's log\n"
            return web.Response(status=503, text=text)
        file = (self._folder / request.match_info["path"]).resolve()
        if not file.is_relative_to(self._folder.resolve()) or not file.is_file():
            return web.Response(status=404, text=f"no model at {request.path}\n")
        content_type = _TYPES.get(file.suffix, "application/octet-stream")
        return web.FileResponse(file, headers={"Content-Type": content_type})
