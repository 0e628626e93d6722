"""``serin-kind``: the kind cluster from a terminal."""

from __future__ import annotations

import json
import time
from pathlib import Path  # noqa: TC003 - typer reads it at run time
from typing import Annotated

import typer

from e2e.kind import host, node
from e2e.kind.cluster import Kind
from e2e.kind.layout import Layout
from e2e.sandbox.errors import SandboxError

app = typer.Typer(
    help="A real Kubernetes on this machine, with KServe, a gateway and Prometheus.", no_args_is_help=True
)


@app.command()
def up() -> None:
    """Start the cluster; what is missing is built first (about half an hour, once)."""
    begun = time.monotonic()
    started = Kind().up()
    typer.echo(f"The cluster {'is up' if started else 'ran already'} ({time.monotonic() - begun:.1f} s).", err=True)
    status(output="text")


@app.command()
def down() -> None:
    """End the cluster; exit 1 if the host is not as it was before."""
    left = Kind().down()
    for line in left:
        typer.echo(f"left on the host: {line}", err=True)
    raise typer.Exit(1 if left else 0)


@app.command()
def status(*, output: Annotated[str, typer.Option(help="text or json")] = "text") -> None:
    """Where it is reached."""
    kind = Kind()
    if not kind.is_up():
        typer.echo("The kind cluster is not running. Start it: serin-kind up", err=True)
        raise typer.Exit(1)
    facts = {
        "KUBECONFIG": str(kind.kubeconfig),
        "DOCKER_HOST": kind.engine.host,
        "GATEWAY_URL": kind.gateway_url,
        "PROMETHEUS_URL": kind.prometheus_url,
    }
    typer.echo(json.dumps(facts) if output == "json" else "\n".join(f"export {k}={v}" for k, v in facts.items()))


@app.command()
def build() -> None:
    """Build the parts only."""
    for parts in node.parts():
        for name, path in parts.binaries.items():
            typer.echo(f"{name} {path}")


@app.command()
def load(archive: Annotated[Path, typer.Argument(help="as `docker save` writes it")]) -> None:
    """Import an image into the node."""
    Kind().load(archive)


@app.command()
def compare() -> None:
    """What on the host differs from before the engine's start; exit 1 if something does."""
    before = Layout.default().host_before
    if not before.is_file():
        typer.echo("Nothing was written down: the cluster was never started with a private engine.", err=True)
        raise typer.Exit(2)
    found = host.differences(host.Snapshot.load(before), host.Snapshot.taken())
    for line in found:
        typer.echo(line)
    raise typer.Exit(1 if found else 0)


def main() -> None:
    """The command line; errors that a person should read are one message."""
    try:
        app()
    except SandboxError as error:
        typer.echo(f"\n{error}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
