"""Under which heading ``serin --help`` names each command: what people look for is what they want to do."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from serin.cli.shell.asked import name_of

LONGEST = 200
"""Characters of a command's first sentence; more would be cut."""
PANELS = {
    "Look": ("list", "get", "watch", "history", "explain", "wait", "dashboard"),
    "Act": ("hold", "release", "approve", "reject", "advance", "promote", "abort", "retry", "freeze"),
    "Before an apply": ("lint", "diff", "preflight", "simulate", "judge"),
    "Records": ("report", "bundle", "replay", "verify", "export", "attest"),
    "Setup": ("init", "leave", "version"),
}


class Grouped(TyperGroup):
    """Names its commands under the headings of ``PANELS``; the text of help is plain, since Rich alone takes 0.1 s."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002 - types of Typer's own copy of Click
        """Writes one list a heading, each command with the first sentence of its help."""
        for panel, names in PANELS.items():
            rows = [(name, self.commands[name].get_short_help_str(LONGEST)) for name in names if name in self.commands]
            if rows:
                with formatter.section(panel):
                    formatter.write_dl(rows)


def arrange(app: typer.Typer) -> None:
    """Puts every command of the command line in the order of ``PANELS``; ``KeyError`` for one that is not there."""
    place = {name: number for number, name in enumerate(name for names in PANELS.values() for name in names)}
    app.registered_commands.sort(key=lambda command: place[name_of(command)])
