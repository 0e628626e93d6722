"""Only the command that is asked for is built: building all of them takes as long as all the rest of a start."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence

import typer


def name_of(command: typer.models.CommandInfo) -> str:
    """The name under which a command is called."""
    return command.name or str(getattr(command.callback, "__name__", ""))


def only_what_is_asked(app: typer.Typer, arguments: Sequence[str], environment: Mapping[str, str]) -> typer.Typer:
    """``app`` with no other command than the one that ``arguments`` begin with.

    Help on all and an answer to a misspelt name need the commands' names and first sentences, but not their options.
    Completion by the shell needs every option.
    """
    if any(name.startswith("_") and name.endswith("_COMPLETE") for name in environment):
        return app
    commands = {name_of(command): command for command in app.registered_commands}
    asked = commands.get(next(iter(arguments), ""))
    if asked is None and commands.keys() & set(arguments):
        return app  # the name stands behind something else
    small = copy.copy(app)
    small.registered_commands = [asked] if asked is not None else [_named(commands[name]) for name in commands]
    return small


def _named(command: typer.models.CommandInfo) -> typer.models.CommandInfo:
    """The command as help on all shows it, without parameters."""
    named = copy.copy(command)
    named.name, named.help = name_of(command), command.help or inspect.getdoc(command.callback)
    named.callback = _nothing
    return named


def _nothing() -> None:
    """What a command does that is only named."""
