"""Who may read, and what a browser may do with what it reads: in front of every answer."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from serin.cli.page.frame import POLICY
from serin.schema.printable import shortened

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
OWN = frozenset({"localhost"})
HEALTH = "/healthz"


def guarded(names: Iterable[str]) -> Middleware:
    """The middleware that lets through who reads, under one of these names of the host."""
    allowed = OWN | {name.lower().rstrip(".") for name in names}

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = _refusal(request, allowed)
        if refusal is not None:
            return with_headers(refusal)
        try:
            return with_headers(await handler(request))
        except web.HTTPException as error:  # of the router: nothing is there
            return with_headers(web.Response(text=f"{error.status}: {error.reason}\n", status=error.status))

    return guard


def with_headers(response: web.StreamResponse) -> web.StreamResponse:
    """The answer with what a browser may do with it."""
    if not response.prepared:
        for name, value in {**HEADERS, "Cache-Control": "no-store"}.items():
            response.headers.setdefault(name, value)
    return response


def _refusal(request: web.Request, allowed: frozenset[str]) -> web.Response | None:
    if request.method not in {"GET", "HEAD"}:
        answer = web.Response(text="This page is read only.\n", status=HTTPStatus.METHOD_NOT_ALLOWED)
        answer.headers["Allow"] = "GET, HEAD"
        return answer
    if request.path != HEALTH and not is_ours(request.headers.get("Host", ""), allowed):
        asked = shortened(request.headers.get("Host", ""), 100)
        told = (
            f"This page does not answer to the name {asked!r}: start `serin dashboard` with --host-name to add one.\n"
        )
        return web.Response(text=told, status=HTTPStatus.MISDIRECTED_REQUEST)
    origin = request.headers.get("Origin")
    if origin is not None and not is_ours(urlsplit(origin).netloc, allowed):
        return web.Response(text="Other sites may not read this page.\n", status=HTTPStatus.FORBIDDEN)
    return None


def is_ours(host: str, allowed: frozenset[str]) -> bool:
    """Whether a browser that asked for this host meant this page.

    A site that makes its name resolve to this address (DNS rebinding) has its own name here. An address in figures
    cannot be made to stand for another one.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name.rstrip(".") in allowed:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
