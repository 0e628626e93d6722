"""What all commands share: how they print, and how they end on bad input."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any

import typer

from serin.cli.shell import completion
from serin.errors import ClusterError, InvalidInput, NotFound, Unavailable
from serin.schema.printable import shortened

BAD_INPUT = 2
LONGEST_ERROR, LONGEST_NOTE, LONGEST_STATUS, MOST_NOTES = 1000, 200, 1100, 20
HINTS: tuple[tuple[type[ClusterError], str], ...] = (
    (NotFound, " (is Serin installed in this cluster? kubectl get crd modeldeployments.serin.dev)"),
    (Unavailable, " (is it the right cluster? kubectl config current-context, or --context)"),
)
"""What to look at, by the kind of a failure; a refusal says itself what is missing."""


class Output(StrEnum):
    """For people or for programs."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    TEXT = "text"
    """As ``table``: its name until 0.1."""


OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="For people (table, or text) or for programs (json, yaml).")
]
NamespaceOption = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        "-n",
        help="Namespace; default: that of the kubeconfig's context.",
        autocompletion=completion.namespaces,
    ),
]
ContextOption = Annotated[str | None, typer.Option("--context", help="Context of the kubeconfig.")]


@contextmanager
def one_line() -> Iterator[None]:
    """Prints ``InvalidInput`` as one line and exits with 2; exits silently when the output's reader has gone."""
    try:
        yield
    except InvalidInput as error:
        typer.echo(f"serin: {shortened(str(error), LONGEST_ERROR)}", err=True)
        raise typer.Exit(BAD_INPUT) from None
    except ClusterError as error:
        hint = next((hint for kind, hint in HINTS if isinstance(error, kind)), "")
        typer.echo(f"serin: the cluster: {shortened(str(error), LONGEST_ERROR)}{hint}", err=True)
        raise typer.Exit(BAD_INPUT) from None
    except BrokenPipeError:
        sys.stderr.close()
        raise typer.Exit(1) from None


def note(text: str, longest: int = LONGEST_NOTE) -> None:
    """Prints a note beside the output."""
    typer.echo(f"serin: note: {shortened(text, longest)}", err=True)


def note_whole(text: str) -> None:
    """Prints a message of a status as a note, whole: what is wrong may stand at its end."""
    note(text, LONGEST_STATUS)


def note_unused(fields: list[str]) -> None:
    """Names fields of a file that have no effect."""
    for field in fields[:MOST_NOTES]:
        note(f"{field} is not used here")
    if len(fields) > MOST_NOTES:
        note(f"{len(fields) - MOST_NOTES} further fields are not used here")


def say(text: str, *, err: bool = False) -> None:
    """Prints lines for people; files and records may hold anything, a terminal gets only what can be printed.

    With ``err`` beside the output, which a program reads.
    """
    typer.echo("".join(char if char.isprintable() or char == "\n" else " " for char in text), err=err)


def can_ask() -> bool:
    """Whether somebody sits at a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()


def ask(question: str) -> str:
    """What somebody at the terminal answers to a question on standard error; ``InvalidInput`` if nobody does any more.

    Not ``typer.prompt``: it writes a blank to standard output, which may be led into a file.
    """
    typer.echo(question, nl=False, err=True)
    try:
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        typer.echo(err=True)
        raise
    if not line:
        typer.echo(err=True)
        raise InvalidInput("the input ended before everything was answered; nothing was done")
    return line.strip()


def for_programs(output: Output) -> bool:
    """Whether a program reads the output."""
    return output in {Output.JSON, Output.YAML}


def emit(text: str, output: Output) -> None:
    """Prints one of several documents, given as JSON, in the form that was asked for."""
    if output is Output.YAML:
        import yaml

        text = "---\n" + yaml.safe_dump(json.loads(text), sort_keys=False, allow_unicode=False).rstrip()
    typer.echo(text)


def show(document: Any, output: Output, lines: Iterable[str]) -> None:  # noqa: ANN401 - a JSON document
    """Prints a document for programs, or lines that were made for people."""
    if output is Output.JSON:
        typer.echo(json.dumps(document, indent=2))
    elif output is Output.YAML:
        import yaml

        typer.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=False), nl=False)
    else:
        for line in lines:
            typer.echo(line)
