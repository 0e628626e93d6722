"""The command ``serin-kind``: what a person types to get, look into, and get rid of the kind cluster."""

from __future__ import annotations

import json
import os
import shlex
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from e2e.deploy.errors import DeployError
from e2e.kind import host, node
from e2e.kind.cluster import Kind
from e2e.kind.config import Images  # noqa: TC001 - typer reads it at run time
from e2e.kind.knative import KnativeKind
from e2e.kind.kourier import KourierKind
from e2e.kind.layout import Layout
from e2e.sandbox.build import find_optional
from e2e.sandbox.errors import SandboxError

app = typer.Typer(
    name="serin-kind",
    help="A real Kubernetes on this machine: kind, with KServe, a gateway and Prometheus.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
told = Console(stderr=True, highlight=False, soft_wrap=True)
FAILED = 1


class Extra(StrEnum):
    """What the cluster can have besides."""

    KNATIVE = "knative"
    KOURIER = "kourier"
    """Knative behind it."""


KINDS = {Extra.KNATIVE: KnativeKind, Extra.KOURIER: KourierKind}


class Output(StrEnum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"


State = Annotated[Path | None, typer.Option("--state", help="The state folder, if not the usual one.")]
Format = Annotated[Output, typer.Option("--output", "-o", help="How to print the result.")]


@app.command()
def up(
    state: State = None,
    images: Annotated[
        Images | None,
        typer.Option("--images", help="Built here, or pulled. Built unless a Docker engine of yours answers."),
    ] = None,
    extra: Annotated[
        Extra | None, typer.Option("--with", help="An optional part; a cluster that runs without it gets it.")
    ] = None,
    output: Format = Output.TEXT,
) -> None:
    """Start the cluster, unless it runs. What is missing is built first (about half an hour, once)."""
    begun = time.monotonic()
    kind = KINDS[extra](_layout(state)) if extra else Kind(_layout(state))
    started = kind.up(images=images)
    seconds = round(time.monotonic() - begun, 1)
    if output is Output.JSON:
        _print_json({"started": started, "seconds": seconds, **kind.environment()})
    else:
        told.print(f"The cluster is up ({seconds:.1f} s)." if started else "The cluster runs already.")
        told.print(f'For your shell: [bold]eval "$({_command("env", state)})"[/bold]')


@app.command()
def down(
    state: State = None,
    *,
    purge: Annotated[bool, typer.Option("--purge", help="Remove the private engine's data as well.")] = False,
) -> None:
    """End the cluster and a private engine. Exit code 1 if the host is not as it was before."""
    _tell_differences(Kind(_layout(state)).down(purge=purge))


@app.command()
def status(state: State = None, output: Format = Output.TEXT) -> None:
    """Show where it is reached and what is not ready. Exit code 1 unless all is well."""
    found = Kind(_layout(state)).status()
    if output is Output.JSON:
        _print_json(found)
    else:
        for name, value in found.items():
            print(f"{name:16} {', '.join(value) or 'nothing' if isinstance(value, list) else value}")
    if found["waiting"]:
        raise typer.Exit(FAILED)


@app.command()
def env(state: State = None, output: Format = Output.TEXT) -> None:
    """Print the environment for clients on this machine, ready for eval."""
    values = Kind(_layout(state)).environment()
    kubectl = find_optional("kubectl")
    if kubectl is not None:
        values["PATH"] = f"{kubectl.parent}:{os.environ.get('PATH', os.defpath)}"
    if output is Output.JSON:
        _print_json(values)
    else:
        for variable, value in values.items():
            print(f"export {variable}={shlex.quote(value)}")


@app.command()
def build(state: State = None, output: Format = Output.TEXT) -> None:
    """Build what is missing in the cache, the node's image included, and print where everything is."""
    archive = Kind(_layout(state)).build()
    found = {name: path for parts in node.parts() for name, path in parts.binaries.items()} | {"node": archive}
    if output is Output.JSON:
        _print_json({name: str(path) for name, path in found.items()})
    else:
        for name, path in found.items():
            print(f"{name:24} {path}")


@app.command()
def load(
    archive: Annotated[Path, typer.Argument(help="As `docker save` or e2e.kind.image writes it.", exists=True)],
    state: State = None,
) -> None:
    """Import an image archive into the running node."""
    Kind(_layout(state)).load(archive)


@app.command("host")
def compare(
    state: State = None,
    *,
    compare: Annotated[  # noqa: ARG001 - the only thing that can be asked; said so that the line reads well
        bool, typer.Option("--compare", help="With what was before a private engine started.")
    ] = True,
) -> None:
    """What differs on this machine from before the private engine started. Exit code 1 if something does."""
    before = host.Snapshot.load(_layout(state).host_before)
    if before is None:
        raise SandboxError("Nothing was written down since this machine started: no private engine ran.")
    _tell_differences(host.differences(before, host.Snapshot.taken()))


def main() -> None:
    """The command line; errors that were foreseen are told as sentences."""
    try:
        app()
    except (SandboxError, DeployError) as error:
        told.print(str(error), style="red", markup=False)
        raise SystemExit(FAILED) from None
    except KeyboardInterrupt:
        told.print("Interrupted.")
        raise SystemExit(130) from None


def _layout(state: Path | None) -> Layout:
    layout = Layout.default()
    return layout if state is None else Layout(state.resolve(), layout.cache)


def _command(verb: str, state: Path | None) -> str:
    return shlex.join(["serin-kind", verb, *(("--state", str(state)) if state is not None else ())])


def _tell_differences(found: list[str]) -> None:
    for line in found:
        told.print(line, markup=False)
    if found:
        told.print("The host is not as it was before.", style="red")
        raise typer.Exit(FAILED)
    told.print("The host is as it was before.")


def _print_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can say
    print(json.dumps(value, indent=2))


if __name__ == "__main__":
    main()
