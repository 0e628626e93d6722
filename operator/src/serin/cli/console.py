"""What all commands share: how they print, and how they end on bad input."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer

from serin.errors import InvalidInput
from serin.schema.printable import shortened

BAD_INPUT = 2
LONGEST_ERROR, LONGEST_NOTE, MOST_NOTES = 1000, 200, 20


class Output(StrEnum):
    """For people or for programs."""

    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option(help="For people or for programs.")]
NamespaceOption = Annotated[str, typer.Option("--namespace", "-n", help="Namespace.")]


@contextmanager
def one_line() -> Iterator[None]:
    """Prints ``InvalidInput`` as one line and exits with 2; exits silently when the output's reader has gone."""
    try:
        yield
    except InvalidInput as error:
        typer.echo(f"serin: {shortened(str(error), LONGEST_ERROR)}", err=True)
        raise typer.Exit(BAD_INPUT) from None
    except BrokenPipeError:
        sys.stderr.close()
        raise typer.Exit(1) from None


def note(text: str) -> None:
    """Prints a note beside the output."""
    typer.echo(f"serin: note: {shortened(text, LONGEST_NOTE)}", err=True)


def note_unused(fields: list[str]) -> None:
    """Names fields of a file that have no effect."""
    for field in fields[:MOST_NOTES]:
        note(f"{field} is not used here")
    if len(fields) > MOST_NOTES:
        note(f"{len(fields) - MOST_NOTES} further fields are not used here")


def say(text: str) -> None:
    """Prints lines for people; files and records may hold anything, a terminal gets only what can be printed."""
    typer.echo("".join(char if char.isprintable() or char == "\n" else " " for char in text))
