"""A proxy between the operator and Prometheus that answers with errors or wrong data when a scenario says so."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from e2e.scenarios.background import BackgroundServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Answer = dict[str, Any]


def _edited(edit: Callable[[Answer], object]) -> Callable[[bytes], web.Response]:
    def answer(body: bytes) -> web.Response:
        data = json.loads(body)
        edit(data)
        return web.json_response(data)

    return answer


def _not_a_number(data: Answer) -> None:
    for series in data["data"]["result"]:
        series["values"] = [[at, "NaN"] for at, _ in series["values"]]


def _twice(data: Answer) -> None:
    found = data["data"]["result"]
    copies = [{**s, "metric": {**s["metric"], "prometheus_replica": str(n)}} for n in range(2) for s in found]
    data["data"]["result"] = copies


def _vector(data: Answer) -> None:
    last = [{"metric": s["metric"], "value": s["values"][-1]} for s in data["data"]["result"]]
    data["data"] = {"resultType": "vector", "result": last}


LIES: Mapping[str, Callable[[bytes], web.Response]] = {
    "empty": _edited(lambda data: data["data"]["result"].clear()),
    "NaN": _edited(_not_a_number),
    "wrong type": _edited(_vector),
    "two series": _edited(_twice),
    "partial": _edited(lambda data: data.update(warnings=["a store did not answer"])),
    "login page": lambda _: web.Response(text="<html>Sign in</html>", content_type="text/html"),
    "503": lambda _: web.Response(status=503, text="overloaded"),
    "redirect": lambda _: web.HTTPFound("http://127.0.0.1:1/"),
}
SLOW = "slow body"
SLOW_SECONDS = 10


class LyingPrometheus(BackgroundServer):
    """Passes on the answers of ``real`` unless ``lie`` is ``SLOW`` or names one of :data:`LIES`."""

    def __init__(self, real: str) -> None:
        super().__init__()
        self._real = real
        self.lie = ""
        self.lies_left = 10**9
        """The number of answers that ``lie`` still holds for."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def opened(self) -> None:
        """Connects to the real one."""
        self._session = aiohttp.ClientSession()

    async def closed(self) -> None:
        """Leaves it."""
        await self._session.close()

    async def handle(self, incoming: web.Request) -> web.StreamResponse:
        """Answers as Prometheus does, or with the lie."""
        form = await incoming.post()
        fields = {key: value for key, value in form.items() if isinstance(value, str)}
        async with self._session.request(incoming.method, f"{self._real}{incoming.path_qs}", data=fields) as answer:
            body, status = await answer.read(), answer.status
        lie = self.lie if self.lies_left > 0 else ""
        self.lies_left -= bool(lie)
        if lie == SLOW:
            return await self._slowly(incoming, body)
        if lie:
            return LIES[lie](body)
        return web.Response(status=status, body=body, content_type="application/json")

    @staticmethod
    async def _slowly(incoming: web.Request, body: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(incoming)
        for part in range(SLOW_SECONDS):
            size = len(body) // SLOW_SECONDS + 1
            await response.write(body[part * size : (part + 1) * size])
            await asyncio.sleep(1)
        return response
