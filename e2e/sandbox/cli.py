"""The command ``serin-sandbox``: what a person types to get, look into, and get rid of a sandbox."""

from __future__ import annotations

import json
import os
import shlex
import sys
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from e2e.sandbox import build as builder
from e2e.sandbox import follow, namespace, report
from e2e.sandbox.errors import SandboxError
from e2e.sandbox.plan import Extra, Profile
from e2e.sandbox.sandbox import DEFAULT_NAME, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

app = typer.Typer(
    name="serin-sandbox",
    help="A real KServe cluster as plain processes: etcd to Envoy and Prometheus, without Docker and without root.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
told = Console(stderr=True, highlight=False, soft_wrap=True)
FAILED = 1


class Output(StrEnum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"


Name = Annotated[str, typer.Option("--name", "-n", help="Which sandbox; several can run side by side.")]
State = Annotated[Path | None, typer.Option("--state", help="Its state folder, if not the usual one.")]
Format = Annotated[Output, typer.Option("--output", "-o", help="How to print the result.")]
PartName = Annotated[str, typer.Argument(metavar="PART", help="As `serin-sandbox status` calls it.")]


@app.command()
def up(
    name: Name = DEFAULT_NAME,
    state: State = None,
    profile: Annotated[
        Profile, typer.Option("--profile", help="All of it, or etcd and the API server only.")
    ] = Profile.FULL,
    extra: Annotated[
        list[Extra] | None, typer.Option("--with", help="An optional part; built at its first use, in some minutes.")
    ] = None,
    output: Format = Output.TEXT,
) -> None:
    """Start a sandbox, unless it runs. Builds what is missing first."""
    with _sentences():
        if extra and profile is not Profile.APISERVER:
            profile = _profile_with(set(extra))
        sandbox = Sandbox(name, state=state)
        with report.Starting(told) as starting:
            started = sandbox.up(starting.show, profile=profile)
        if output is Output.JSON:
            _print_json({"started": started, "name": name, **report.addresses(sandbox)})
        else:
            told.print(report.headline(sandbox, started=started))
            told.print(f'For your shell: [bold]eval "$({_command("env", name, state)})"[/bold]')


@app.command()
def down(name: Name = DEFAULT_NAME, state: State = None, output: Format = Output.TEXT) -> None:
    """End a sandbox and everything in it. Its logs stay until the next up."""
    with _sentences():
        ended = Sandbox(name, state=state).down()
        if output is Output.JSON:
            _print_json({"ended": ended, "name": name})
        else:
            told.print(f"The sandbox {name!r} has ended." if ended else f"The sandbox {name!r} was not running.")


@app.command()
def status(name: Name = DEFAULT_NAME, state: State = None, output: Format = Output.TEXT) -> None:
    """Show the parts, what they use, and what failed. Exit code 1 unless all is well."""
    with _sentences():
        found = report.status(Sandbox(name, state=state))
        if output is Output.JSON:
            _print_json(found)
        else:
            report.print_status(Console(highlight=False), found)
        if not report.is_well(found):
            raise typer.Exit(FAILED)


@app.command()
def env(name: Name = DEFAULT_NAME, state: State = None, output: Format = Output.TEXT) -> None:
    """Print the environment for clients on this machine, ready for eval."""
    with _sentences():
        values = report.addresses(Sandbox(name, state=state))
        kubectl = builder.find_optional("kubectl")
        if kubectl is not None:
            values["PATH"] = f"{kubectl.parent}:{os.environ.get('PATH', os.defpath)}"
        if output is Output.JSON:
            _print_json(values)
        else:
            for variable, value in values.items():
                print(f"export {variable}={shlex.quote(value)}")


@app.command()
def logs(
    part: Annotated[str, typer.Argument(metavar="PART", help="A part, or supervisor.")],
    name: Name = DEFAULT_NAME,
    state: State = None,
    *,
    lines: Annotated[int, typer.Option("--tail", help="Only the last lines; all if 0.", min=0)] = 0,
    follow_on: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines.")] = False,
) -> None:
    """Print the log of one part, also after the sandbox has ended."""
    with _sentences():
        follow.print_log(Sandbox(name, state=state).layout, part, lines=lines, follow=follow_on)


@app.command()
def stop(part: PartName, name: Name = DEFAULT_NAME, state: State = None) -> None:
    """End one part, e.g. to see what happens without Prometheus."""
    with _sentences():
        Sandbox(name, state=state).stop(part)
        told.print(f"{part} is stopped.")


@app.command()
def start(part: PartName, name: Name = DEFAULT_NAME, state: State = None) -> None:
    """Start a stopped part again; return when it is ready."""
    with _sentences():
        Sandbox(name, state=state).start(part)
        told.print(f"{part} is ready.")


@app.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def execute(
    command: Annotated[list[str], typer.Argument(metavar="COMMAND…", help="What to run inside the namespaces.")],
    name: Name = DEFAULT_NAME,
    state: State = None,
) -> None:
    """Run a command inside the sandbox, where pods have addresses and parts their fixed ports."""
    with _sentences():
        sandbox = Sandbox(name, state=state)
        argv = namespace.enter(sandbox.state.init.pid, command)
        inside = {**os.environ, "KUBECONFIG": str(sandbox.layout.inner_kubeconfig)}
    sys.stdout.flush()
    os.execvpe(argv[0], argv, inside)  # noqa: S606 - arguments as given, no shell


@app.command()
def build(
    *,
    kubectl: Annotated[bool, typer.Option("--kubectl", help="Build kubectl as well.")] = False,
    output: Format = Output.TEXT,
) -> None:
    """Build what is missing in the cache, and print where everything is."""
    with _sentences():
        ready = builder.build(optional=("kubectl",) if kubectl else ())
        found = {**ready.binaries, "envoy": builder.find_envoy(), "manifests": ready.manifests}
        if output is Output.JSON:
            _print_json({name: str(path) for name, path in found.items()})
        else:
            for name, path in found.items():
                print(f"{name:24} {path}")


@app.command()
def kubeconfig(
    service_account: Annotated[
        str, typer.Option("--serviceaccount", metavar="NAMESPACE/NAME", help="Whose; the administrator's if not given.")
    ] = "",
    name: Name = DEFAULT_NAME,
    state: State = None,
    output: Format = Output.TEXT,
) -> None:
    """Write a kubeconfig for use on this machine and print its path."""
    with _sentences():
        sandbox = Sandbox(name, state=state)
        if service_account:
            space, _, account = service_account.partition("/")
            if not (space and account) or "/" in account:
                raise SandboxError(f"{service_account!r} is no service account: write NAMESPACE/NAME.")
            path = sandbox.kubeconfig_for(space, account)
        else:
            path = sandbox.kubeconfig
        if output is Output.JSON:
            _print_json({"kubeconfig": str(path)})
        else:
            print(path)


def _profile_with(extras: set[Extra]) -> Profile:
    if len(extras) > 1:
        raise SandboxError("A sandbox has one optional part: Knative runs behind Contour. Start two, with --name.")
    return Profile(extras.pop().value)


@contextmanager
def _sentences() -> Iterator[None]:
    """Errors that were foreseen are told as sentences, an interrupt without a traceback."""
    try:
        yield
    except SandboxError as error:
        told.print(str(error), style="red", markup=False)
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt:
        told.print("Interrupted.")
        raise typer.Exit(130) from None


def _command(verb: str, name: str, state: Path | None) -> str:
    words = ["serin-sandbox", verb]
    words += ["--name", name] if name != DEFAULT_NAME else []
    words += ["--state", str(state)] if state is not None else []
    return shlex.join(words)


def _print_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can say
    print(json.dumps(value, indent=2))


if __name__ == "__main__":
    app()
