"""The command ``dashboard``."""

from __future__ import annotations

from typing import Annotated

import typer

from serin.cli.console import note, one_line
from serin.cli.live.commands import ContextOption
from serin.errors import InvalidInput

PORT, HIGHEST_PORT, MOST_NAMESPACES = 8088, 65535, 100


def register(app: typer.Typer) -> None:
    """Adds the command to the command line."""
    app.command()(dashboard)


def dashboard(
    namespaces: Annotated[
        list[str] | None, typer.Option("--namespace", "-n", help="Only of this one, may be repeated; default: all.")
    ] = None,
    context: ContextOption = None,
    port: Annotated[int, typer.Option(help="Port to listen at; 0 takes a free one.")] = PORT,
    address: Annotated[str, typer.Option(help="Address to listen at. Who reaches it can read: there is no login.")] = (
        "127.0.0.1"
    ),
    host_names: Annotated[
        list[str] | None,
        typer.Option("--host-name", help="A name by which browsers ask for it, beside localhost; may be repeated."),
    ] = None,
) -> None:
    """A page for browsers: all ModelDeployments, rollouts with their evidence, records. Read only, and live."""
    import asyncio

    from serin.cli.page.serving import Wish, is_loopback, serve

    with one_line():
        wanted = sorted(set(namespaces or ())) or [""]
        if not 0 <= port <= HIGHEST_PORT:
            raise InvalidInput(f"--port {port}: expected 0 to {HIGHEST_PORT}")
        if len(wanted) > MOST_NAMESPACES:
            raise InvalidInput(f"-n: {len(wanted)} namespaces; at most {MOST_NAMESPACES}, or none for all")
        if not is_loopback(address):
            note(f"whoever reaches {address or 'any address of this machine'} can read the page: it has no login")
        asyncio.run(serve(Wish(wanted, context, address, port, list(host_names or ()))))
