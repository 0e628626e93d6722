"""What stands between the operator and its API server when the network is against it? A proxy that fails on request.

It also counts the operator's writes, so that a scenario can end the operator just before or just after any of them.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import yaml
from aiohttp import web

from e2e.deploy.cluster import credentials
from e2e.scenarios.background import BackgroundServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
VERBS = {"GET": "list", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
PLACE = re.compile(
    r"^/(?:api|apis/(?P<group>[^/]+))/v[^/]+(?:/namespaces/[^/]+)?"
    r"/(?P<resource>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>[^/]+))?$"
)
NOT_FORWARDED = frozenset({"host", "content-length", "transfer-encoding", "connection", "content-encoding"})
Answer = web.StreamResponse | None
"""What a fault answers in place of the server; None: it is not concerned."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the operator."""

    method: str
    path: str
    watch: bool

    @property
    def writes(self) -> bool:
        """Whether it would change an object; asking for permissions and dry runs change nothing."""
        return self.method in WRITES and "accessreviews" not in self.path and "dryRun=" not in self.path

    @property
    def permission(self) -> tuple[str, str, str] | None:
        """API group, resource and verb that it takes; None for discovery and questions about permissions."""
        place = PLACE.match(self.path.partition("?")[0])
        if place is None or "accessreviews" in self.path:
            return None
        verb = "watch" if self.watch else "get" if self.method == "GET" and place["name"] else VERBS[self.method]
        return place["group"] or "", place["resource"] + (f"/{place['sub']}" if place["sub"] else ""), verb


@dataclass
class Fault:
    """What goes wrong: for requests that match, so many times."""

    matches: Callable[[Request], bool]
    status: int = 0
    """Answer with this status."""
    words: str = "a fault"
    """What the server says of it."""
    retry_after: int = 0
    hang: float = 0.0
    """Seconds without an answer, then a closed connection."""
    expired: bool = False
    """For a watch: the one event "410 Expired", as after a compaction."""
    reset: bool = False
    """Close the connection; a watch that is under way, too."""
    times: int = 10**9
    met: int = 0
    """How often it has struck."""


def asks(verb: str, resource: str) -> Callable[[Request], bool]:
    """Whether a request takes that verb on that kind, as a rule of a role names both (``modeldeployments/status``)."""
    return lambda request: request.permission is not None and request.permission[1:] == (resource, verb)


class ApiProxy(BackgroundServer):
    """A plain-HTTP front of the API server on loopback."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        """``kubeconfig`` is the operator's; what it gets instead is put into ``folder``."""
        super().__init__()
        self.folder = folder
        self.faults: list[Fault] = []
        self.down = False
        """Nobody answers at all."""
        self.written: list[str] = []
        """Paths of the writes that were asked for so far."""
        self.asked: set[tuple[str, str, str]] = set()
        """API group, resource and verb of every request so far, as rules of a role name them."""
        self.before_write: Callable[[int, Request], None] = lambda *_: None
        self.after_write: Callable[[int, Request], None] = lambda *_: None
        self._server, self._context, self._token = credentials(kubeconfig)
        self._watches: dict[int, web.Request] = {}

    @property
    def writes(self) -> int:
        """How many writes were asked for so far."""
        return len(self.written)

    @property
    def proxied_kubeconfig(self) -> Path:
        """The same account, through the proxy."""
        path = self.folder / "proxied.kubeconfig"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "proxy",
            "clusters": [{"name": "proxy", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "proxy", "user": {"token": self._token}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
        }
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        path.chmod(0o600)
        return path

    def cut_watches(self) -> None:
        """Close every watch that is under way, as a proxy or a restart would."""
        self.call_in_loop(self._cut)

    def _cut(self) -> None:
        for request in list(self._watches.values()):
            if request.transport is not None:
                request.transport.abort()

    async def opened(self) -> None:
        """Connects to the API server."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._context, limit=0), timeout=aiohttp.ClientTimeout(total=None)
        )

    async def handle(self, incoming: web.Request) -> web.StreamResponse:
        """Forwards or fails, and counts writes."""
        asked = Request(incoming.method, incoming.path_qs, incoming.query.get("watch") in {"1", "true"})
        if asked.permission:
            self.asked.add(asked.permission)
        number = 0
        if asked.writes:
            self.written.append(asked.path.partition("?")[0])
            number = self.writes
        if self.down:
            return self._drop(incoming)
        struck = next((f for f in self.faults if f.met < f.times and f.matches(asked)), None)
        if struck is not None:
            struck.met += 1
            return await self._fail(incoming, struck)
        if number:
            await asyncio.to_thread(self.before_write, number, asked)
        response = await self._forward(incoming, asked)
        if number:
            await asyncio.to_thread(self.after_write, number, asked)
        return response

    async def _fail(self, incoming: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.hang:
            await asyncio.sleep(fault.hang)
        if fault.reset or fault.hang:
            return self._drop(incoming)
        if fault.expired:
            gone = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410}
            return web.json_response({"type": "ERROR", "object": {**gone, "message": "too old resource version"}})
        headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after else {}
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": fault.status}
        return web.json_response(status | {"message": fault.words}, status=fault.status, headers=headers)

    @staticmethod
    def _drop(incoming: web.Request) -> web.StreamResponse:
        if incoming.transport is not None:
            incoming.transport.abort()
        return web.Response(status=502)

    async def _forward(self, incoming: web.Request, asked: Request) -> web.StreamResponse:
        headers = {k: v for k, v in incoming.headers.items() if k.lower() not in NOT_FORWARDED}
        body = await incoming.read()
        url = f"{self._server}{incoming.path_qs}"
        ours = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
        async with self._session.request(
            incoming.method, url, headers=headers, data=body or None, skip_auto_headers=ours
        ) as answer:
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in NOT_FORWARDED}
            if not asked.watch:
                return web.Response(status=answer.status, headers=kept, body=await answer.read())
            outgoing = web.StreamResponse(status=answer.status, headers=kept)
            await outgoing.prepare(incoming)
            self._watches[id(incoming)] = incoming
            try:
                async for chunk in answer.content.iter_any():
                    await outgoing.write(chunk)
            finally:
                self._watches.pop(id(incoming), None)
                # Closed politely, it would wait for the server's good-bye, longer than this loop may run.
                if answer.connection is not None and answer.connection.transport is not None:
                    answer.connection.transport.abort()
            return outgoing

    async def closed(self) -> None:
        """Ends what is under way with the API server."""
        if self._session.connector is not None:
            await self._session.connector.close(abort_ssl=True)  # a polite end takes longer than this loop runs
        await self._session.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cut()
        super().__exit__(kind, error, trace)
