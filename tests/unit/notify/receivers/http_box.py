"""A receiver of HTTP on a port of this machine that answers as a test says, and keeps what it was sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Answer = Callable[[web.Request], web.StreamResponse]


@dataclass
class HttpBox:
    """What came, and what is answered next; 200 when nothing is left to say."""

    url: str = ""
    answers: list[Answer | float] = field(default_factory=list)
    """A number is seconds of silence."""
    bodies: list[Any] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.bodies.append(await request.json())
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            return web.Response()
        return answer(request) if answer is not None else web.Response()


@contextlib.asynccontextmanager
async def http_box(*answers: Answer | float) -> AsyncIterator[HttpBox]:
    """Serves during the block."""
    box = HttpBox(answers=list(answers))
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", box.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    box.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield box
    finally:
        await runner.cleanup()


def says(code: int, **headers: str) -> Answer:
    """An answer with that status code; ``_`` in a header's name is a dash."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: web.Response(status=code, headers=named, text="secret-answer")
