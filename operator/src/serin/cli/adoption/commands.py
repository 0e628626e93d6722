"""The commands ``serin init`` and ``serin leave``."""

from __future__ import annotations

from typing import Annotated

import typer

from serin.cli.console import NamespaceOption, note, one_line, say
from serin.cli.live.commands import ContextOption
from serin.cli.where import Where
from serin.errors import ClusterError, InvalidInput


def register(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    app.command()(init)
    app.command()(leave)


def init(  # noqa: PLR0917 - one parameter an option
    source: Annotated[str, typer.Option("--from", help="isvc/NAME, or a file with an InferenceService (YAML).")],
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    name: Annotated[str | None, typer.Option(help="The ModelDeployment's name; default: NAME-live.")] = None,
    version: Annotated[str, typer.Option(help="Your name for the version that runs.")] = "1",
    hostname: Annotated[
        list[str] | None, typer.Option(help="Clients' hostnames; default: those of KServe's own route.")
    ] = None,
    gateway: Annotated[
        str | None, typer.Option(help="NAMESPACE/NAME of the Gateway; default: that of KServe's own route.")
    ] = None,
) -> None:
    """Writes the ModelDeployment and a PromotionPolicy with which a running InferenceService is adopted."""
    from serin.api.files.write import yaml_of
    from serin.cli.adoption import manifests

    with one_line():
        found = manifests.read(source, Where(namespace, context))
        wishes = manifests.Wishes(name, version, tuple(hostname or ()), gateway)
        documents, notes = manifests.manifests(found, wishes)
        typer.echo(yaml_of(documents), nl=False)
        for each in notes:
            note(each)


def leave(
    target: Annotated[str, typer.Argument(help="mdep/NAME")],
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    to: Annotated[
        str | None,
        typer.Option("--as", help="Name of the InferenceService that stays; default: the adopted one's, or NAME."),
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for each step.")] = 600,
) -> None:
    """A ModelDeployment goes; its traffic, its model and an InferenceService of KServe's stay. Repeatable."""
    import asyncio

    from serin.cli.adoption.leave import Leaving
    from serin.cli.adoption.patience import Patience
    from serin.cli.evidence.sources import MODEL_DEPLOYMENT, named
    from serin.cluster.connection import connect

    async def run(name: str) -> None:
        try:
            async with connect(context) as (cluster, _):
                await Leaving(cluster, Where(namespace, context).namespace, name, say, Patience(timeout)).run(to)
        except ClusterError as error:
            raise InvalidInput(f"the cluster refuses, or cannot be read: {error}; call the command again") from None

    with one_line():
        name = named(target, MODEL_DEPLOYMENT)
        if name is None:
            raise InvalidInput(f"{target}: expected mdep/NAME")
        asyncio.run(run(name))
