"""Only the command that is asked for is built: building all of them takes as long as all the rest of a start."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import typer


def name_of(command: typer.models.CommandInfo) -> str:
    """The name under which a command is called."""
    return command.name or str(getattr(command.callback, "__name__", ""))


def only_what_is_asked(app: typer.Typer, arguments: Sequence[str], environment: Mapping[str, str]) -> typer.Typer:
    """``app`` with no other command than the one that ``arguments`` begin with, if it has that.

    Help on all, a misspelt name and the shell's completion need every command.
    """
    if any(name.startswith("_") and name.endswith("_COMPLETE") for name in environment):
        return app
    asked = [command for command in app.registered_commands if name_of(command) == next(iter(arguments), "")]
    if not asked:
        return app
    small = copy.copy(app)
    small.registered_commands = asked
    return small
