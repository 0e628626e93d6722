"""Serves the page: what is read of the cluster once is shown to all who look."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from aiohttp import web

from serin.cli.following.board import Board
from serin.cli.following.course import Seen, record_shown
from serin.cli.following.records import Found, Records
from serin.cli.following.traces import ODD, Key
from serin.cli.live.reading import Object, details_of, part
from serin.cli.page import fleet, record, rollout
from serin.cli.page.frame import ICON, ICON_PATH, STYLE, STYLE_PATH, document
from serin.cli.page.guard import HEALTH, guarded, with_headers
from serin.cli.page.hub import Hub
from serin.cli.page.markup import Node, tag
from serin.cli.page.record import report_path
from serin.cli.shell.telling import sentence

NAME = r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?"
MODEL = f"/mdep/{{namespace:{NAME}}}/{{name:{NAME}}}"
MOST_VIEWERS = 128
MOST_PAGES_KEPT = 64
AGE = 2.0
"""Seconds for which a page is not made anew, however many ask for it."""
BEAT, LEAST_BETWEEN = 15.0, 1.0
"""Seconds after which a viewer is told at the latest, so that what is so long ago is told anew, and at the soonest."""
HTML = "text/html"
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a browser may do with a report, which has its style inside: nothing else."""
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Source:
    """What the pages are made of."""

    board: Board
    records: Records
    now: Callable[[], datetime]


class Site:
    """The pages, each of which is made once for all who look at it at the same time."""

    def __init__(self, source: Source, *, least_between: float = LEAST_BETWEEN) -> None:
        self._source, self._least_between = source, least_between
        self.hub = Hub()
        self._made: OrderedDict[str, tuple[float, int, asyncio.Future[tuple[int, str]]]] = OrderedDict()
        self._version = 0

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on changes of the board are told to those who look."""

        def changed(key: Key | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody looks
                loop.call_soon_threadsafe(self._changed, key)

        self._source.board.listen(changed)

    def _changed(self, key: Key | None) -> None:
        self._version += 1
        self.hub.tell(key)

    def application(self, names: list[str]) -> web.Application:
        """The web application; it answers to these names of its host."""
        app = web.Application(middlewares=[guarded(names)], client_max_size=1024)
        app.add_routes(
            [
                web.get(HEALTH, _healthy),
                web.get("/", self._fleet),
                web.get(MODEL, self._rollout),
                web.get(f"{MODEL}/records/{{record:{NAME}}}", self._record),
                web.get(f"{MODEL}/records/{{record:{NAME}}}/report", self._report),
                web.get("/events", self._events, allow_head=False),
                web.get(f"{MODEL}/events", self._events, allow_head=False),
                web.get(STYLE_PATH, _asset(STYLE, "text/css")),
                web.get(ICON_PATH, _asset(ICON, "image/svg+xml")),
            ]
        )
        return app

    async def _fleet(self, request: web.Request) -> web.Response:
        asked = fleet.asked_in(dict(request.query))

        def made() -> tuple[int, str]:
            board, now = self._source.board, self._source.now()
            main = fleet.fleet(board.objects, asked, now, known=board.listed)
            return 200, document("Models", [], main, board.reach, now)

        return await self._page(asked.address(), made)

    async def _rollout(self, request: web.Request) -> web.Response:
        key = request.match_info["namespace"], request.match_info["name"]

        def made() -> tuple[int, str]:
            board, records, now = self._source.board, self._source.records, self._source.now()
            obj = board.get(key)
            if obj is None:
                return self._absent(key, "ModelDeployment", now)
            found, attempts = details_of(obj), records.attempts(*key)
            name = record_shown(found, attempts)
            evidence = records.evidence(key[0], name) if name else Found(None)
            seen = Seen(found, evidence, attempts, board.trace(key, name))
            return 200, document("/".join(key), _way(key), rollout.rollout(seen, now), board.reach, now)

        return await self._page(fleet.path_of(*key), made)

    async def _record(self, request: web.Request) -> web.Response:
        key, name = (request.match_info["namespace"], request.match_info["name"]), request.match_info["record"]

        def made() -> tuple[int, str]:
            board, now = self._source.board, self._source.now()
            evidence = self._source.records.evidence(key[0], name)
            if evidence.value and part(evidence.value.record, "spec", "modelDeployment") != key[1]:
                return self._absent((key[0], name), f"PromotionRecord of {key[1]}", now)
            obj: Object = board.get(key) or {"metadata": {"namespace": key[0], "name": key[1]}}
            way = [*_way(key), (name, rollout.record_path(*key, name))]
            main = record.record(name, evidence, obj, board.trace(key, name), now)
            return (200 if evidence.value else 404), document(name, way, main, board.reach, now)

        return await self._page(rollout.record_path(*key, name), made)

    async def _report(self, request: web.Request) -> web.Response:
        """The report on a rollout as `serin report` writes it: a page of its own, to be kept or sent."""
        key, name = (request.match_info["namespace"], request.match_info["name"]), request.match_info["record"]
        address = report_path(*key, name)

        def made() -> tuple[int, str]:
            board, now, records = self._source.board, self._source.now(), self._source.records
            evidence = records.evidence(key[0], name)
            if evidence.value and part(evidence.value.record, "spec", "modelDeployment") != key[1]:
                return self._absent((key[0], name), f"PromotionRecord of {key[1]}", now)
            found = records.report(key[0], name)
            if found.value is not None:
                return 200, found.value
            way = [*_way(key), (name, rollout.record_path(*key, name)), ("report", address)]
            told = tag("p", sentence(f"There is no report yet: {found.problem}"), class_="notice bad")
            status = 503 if evidence.value else 404
            return status, document("No report", way, [tag("h1", "No report", id="title"), told], board.reach, now)

        response = await self._page(address, made)
        if response.status == HTTPStatus.OK:
            response.headers["Content-Security-Policy"] = REPORT_POLICY
            response.headers["Content-Disposition"] = f'inline; filename="{name}.html"'
        return response

    def _absent(self, key: Key, what: str, now: datetime) -> tuple[int, str]:
        """A page that says that something is not there, as far as that is known."""
        board = self._source.board
        told = f"There is no {what} {key[1]} in namespace {key[0]}."
        if not board.listed:
            told = "No list of the ModelDeployments has come yet."
        main: list[Node] = [tag("h1", "Not there", id="title"), tag("p", told, class_="empty", id="models")]
        return 404, document("Not there", [], main, board.reach, now)

    async def _page(self, address: str, made: Callable[[], tuple[int, str]]) -> web.Response:
        """The page of an address: made in a thread, and once for all who ask at the same time."""
        loop = asyncio.get_running_loop()
        at, version, known = self._made.get(address, (0.0, -1, None))
        age = loop.time() - at
        if known is None or (known.done() and (age > AGE or (version != self._version and age > self._least_between))):
            known = asyncio.ensure_future(asyncio.to_thread(self._made_or_told, made))
            self._made[address] = (loop.time(), self._version, known)
            self._made.move_to_end(address)
            while len(self._made) > MOST_PAGES_KEPT:
                self._made.popitem(last=False)
        status, text = await asyncio.shield(known)
        response = web.Response(text=text, status=status, content_type=HTML)
        response.enable_compression()
        return response

    def _made_or_told(self, made: Callable[[], tuple[int, str]]) -> tuple[int, str]:
        """The page, or one that says that it could not be made: an object of another version, say."""
        try:
            return made()
        except ODD as error:
            now = self._source.now()
            told = f"This version of serin cannot show it: {type(error).__name__}: {error}"
            main: list[Node] = [tag("h1", "Not shown", id="title"), tag("p", told, class_="notice bad", id="why")]
            return 500, document("Not shown", [], main, self._source.board.reach, now)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: that there is something new, never what; the page says that."""
        if self.hub.count >= MOST_VIEWERS:
            text = f"{MOST_VIEWERS} pages are live already: this one can be reloaded.\n"
            return web.Response(text=text, status=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": "30"})
        info = request.match_info
        key = (info["namespace"], info["name"]) if "name" in info else None
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        with_headers(response)
        with self.hub.watching(key) as changed:
            await response.prepare(request)
            await response.write(b"retry: 3000\nevent: ready\ndata: \n\n")
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), BEAT)
                changed.clear()
                await response.write(b"event: changed\ndata: \n\n")
                await asyncio.sleep(self._least_between)


async def _healthy(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


def _asset(text: str, kind: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type=kind, headers={"Cache-Control": FOREVER})

    return answer


def _way(key: Key) -> list[tuple[str, str]]:
    return [(key[0], fleet.Asked(text=f"{key[0]}/").address()), (key[1], fleet.path_of(*key))]
