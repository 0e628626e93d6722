"""The process of the page: followers of the cluster, the server, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

import typer
from aiohttp import web

from serin.cli.following.board import Board
from serin.cli.following.follower import Connect, Follower
from serin.cli.following.records import Records
from serin.cli.live.session import now as time_now
from serin.cli.page.server import Site, Source
from serin.cluster.direct import DirectApi, OpenApi
from serin.cluster.kubeconfig import access
from serin.errors import InvalidInput

ANY = ("", "0.0.0.0", "::")  # noqa: S104 - names of every address, to tell them
TURNS = 5
"""Of the event loop, from accepting a connection until the runner knows it: it takes three."""
SHUTDOWN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for."""

    namespaces: list[str]
    """``""`` is all of them."""
    context: str | None
    address: str
    port: int
    host_names: list[str]


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


async def serve(wish: Wish) -> None:
    """Serves until the process is asked to end; ``InvalidInput``, ``Refused`` if there is no kubeconfig."""
    await asyncio.to_thread(access, wish.context)  # one that is not there is told here, and not on a page

    def connect() -> OpenApi:
        return DirectApi(access(wish.context))  # read anew: tokens are replaced

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, ended.set)
    async with served(wish, connect) as url:
        typer.echo(f"serin: {url} shows what is known of {_told(wish.namespaces)}; Ctrl-C ends it", err=True)
        await ended.wait()


async def _shut(runner: web.AppRunner) -> None:
    """Lets nobody in any more, then closes all connections: one that was let in just now is known some turns later."""
    for site in list(runner.sites):
        await site.stop()
    for _ in range(TURNS):
        await asyncio.sleep(0)
    await runner.cleanup()


@contextlib.asynccontextmanager
async def served(wish: Wish, connect: Connect, now: Callable[[], datetime] = time_now) -> AsyncIterator[str]:
    """Serves the page during the block, and gives its address; ``InvalidInput`` if the port is not free."""
    board = Board(now)
    site = Site(Source(board, Records(connect, now, board.is_away), now))
    site.listen(asyncio.get_running_loop())
    runner = web.AppRunner(
        site.application(wish.host_names),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    await runner.setup()
    followers = [Follower(connect, namespace, board) for namespace in wish.namespaces]
    try:
        try:
            await web.TCPSite(runner, wish.address or None, wish.port).start()
        except (OSError, OverflowError) as error:
            told = getattr(error, "strerror", None) or error
            raise InvalidInput(
                f"--address {wish.address} --port {wish.port}: {told}; --port 0 takes a free one"
            ) from None
        for follower in followers:
            follower.start()
        host = "127.0.0.1" if wish.address in ANY else wish.address
        yield f"http://{f'[{host}]' if ':' in host else host}:{runner.addresses[0][1]}/"
    finally:
        for follower in followers:
            follower.end()
        await _shut(runner)


def _told(namespaces: list[str]) -> str:
    return "all namespaces" if namespaces == [""] else f"namespace{'s' * (len(namespaces) > 1)} {', '.join(namespaces)}"
