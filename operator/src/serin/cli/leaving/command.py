"""The command ``serin leave``."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from serin.cli.console import NamespaceOption, Output, OutputOption, for_programs, one_line, say, show
from serin.cli.live.commands import ContextOption
from serin.cli.shell.completion import kinds_and_names
from serin.cli.where import Where
from serin.errors import ClusterError, InvalidInput


def register(app: typer.Typer) -> None:
    """Adds the command to the command line."""
    app.command()(leave)


def leave(  # noqa: PLR0917 - one parameter an option
    target: Annotated[str, typer.Argument(help="mdep/NAME", autocompletion=kinds_and_names)],
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    to: Annotated[
        str | None,
        typer.Option("--as", help="Name of the InferenceService that stays; default: the adopted one's, or NAME."),
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for each step.")] = 600,
    output: OutputOption = Output.TABLE,
) -> None:
    """A ModelDeployment goes; its traffic, its model and an InferenceService of KServe's stay.

    After an error it can be called again, and goes on where it was.
    """
    import asyncio

    from serin.cli.evidence.sources import MODEL_DEPLOYMENT, named
    from serin.cli.leaving.leave import Leave, Leaving
    from serin.cli.leaving.patience import Patience
    from serin.cli.live.views import as_document
    from serin.cluster.connection import connect

    def told(text: str) -> None:
        say(text, err=for_programs(output))

    async def run(name: str) -> Leave:
        try:
            async with connect(context) as (cluster, _):
                leaving = Leaving(cluster, Where(namespace, context).namespace, name, told, Patience(timeout))
                return await leaving.run(to)
        except ClusterError as error:
            raise InvalidInput(f"the cluster refuses, or cannot be read: {error}; call the command again") from None

    with one_line():
        if not 0 < timeout < math.inf:
            raise InvalidInput(f"--timeout {timeout:g}: expected a number of seconds, above 0")
        name = named(target, MODEL_DEPLOYMENT)
        if name is None:
            raise InvalidInput(f"{target}: expected mdep/NAME")
        show(as_document(asyncio.run(run(name))), output, ())
