"""``serin watch`` by lines: where nobody looks at a terminal, or what draws the full screen is not installed."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from serin.cli.console import Output, can_ask, note, show
from serin.cli.live.reading import details_of
from serin.cli.live.screens import weight_of
from serin.cli.live.session import Session, now
from serin.cli.live.views import Details, as_document
from serin.cli.shell.layout import cut, is_terminal, width
from serin.cli.shell.telling import beside
from serin.errors import InvalidInput

if TYPE_CHECKING:
    from serin.cli.following.lines import Change

LONGEST_LINE = 1500
"""Columns of a line in a file or a pipe: a whole message and what stands before it."""
NO_SCREEN = (
    "this follows by lines; `python -m pip install '.[view]'` in Serin's checkout makes it a full screen with keys"
)


def watched(session: Session, name: str, until: datetime | None) -> Iterator[Change]:
    """The ModelDeployment each time that what a person sees has changed; None, at the end, once it is gone."""
    last: Details | None = None
    for obj in session.changes(name, until):
        if obj is None:
            yield name, None
            return
        found = details_of(obj)
        if found != last:
            last = found
            yield name, found


def all_watched(context: str | None, namespace: str, until: datetime | None) -> Iterator[Change]:
    """The ModelDeployments of a namespace, with ``""`` of all, as they are and each time that one has changed.

    ``InvalidInput`` at the end if the server never told what is there.
    """
    from serin.cli.following.board import Board
    from serin.cli.following.follower import Follower
    from serin.cli.following.lines import Changes
    from serin.cluster.direct import DirectApi
    from serin.cluster.kubeconfig import access

    board = Board(now)
    changes, follower = Changes(board, note), Follower(lambda: DirectApi(access(context)), namespace, board)
    follower.start()
    try:
        yield from changes.until(until, now)
    finally:
        follower.end()
    if not board.listed:
        why = next((f"{reach.problem} ({reach.hint})" for reach in board.reach if reach.problem), "no answer in time")
        raise InvalidInput(f"nothing could be read until the end of --timeout: {why}")


def line_of(found: Details, now: datetime, *, named: bool = False) -> str:
    """A change in one line, the same fields in the same order."""
    row = found.row
    words = [
        f"{now.astimezone(UTC):%H:%M:%S}Z",
        *([f"{row.namespace}/{row.name}"] if named else []),
        row.phase,
        f"stable={row.stable or '-'}",
        f"candidate={row.candidate or '-'}",
        f"weight={weight_of(row)}",
        row.reason or "-",
        beside(row.phase, row.message),
    ]
    return cut("  ".join(words), max(width(), 400) if is_terminal() else LONGEST_LINE)


def full_screen() -> bool:
    """Whether somebody looks at a terminal that can show a screen, and types into it."""
    return is_terminal() and can_ask() and os.environ.get("TERM") not in {None, "", "dumb"}


def has_screen() -> bool:
    """Whether what draws the full screen is installed."""
    return importlib.util.find_spec("textual") is not None


def tell(changes: Iterable[Change], output: Output, now: Callable[[], datetime], *, named: bool) -> None:
    """Prints each change: as a line for people, with ``named`` with its name, or as a document for programs."""
    for name, found in changes:
        if found is None:
            note(f"{name} is gone")
        elif output is Output.JSON:
            typer.echo(json.dumps(as_document(found)))
        elif output is Output.YAML:
            show(as_document(found), output, ())
            typer.echo("---")
        else:
            typer.echo(line_of(found, now(), named=named))
