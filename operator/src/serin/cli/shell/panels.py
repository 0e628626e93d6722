"""Under which heading ``serin --help`` names each command: what people look for is what they want to do."""

from __future__ import annotations

import typer

from serin.cli.shell.asked import name_of

PANELS = {
    "Look": ("list", "get", "watch", "history", "explain", "wait", "dashboard"),
    "Act": ("hold", "release", "approve", "reject", "advance", "promote", "abort", "retry", "freeze"),
    "Before an apply": ("lint", "diff", "preflight", "simulate", "judge"),
    "Records": ("report", "bundle", "replay", "verify", "export", "attest"),
    "Setup": ("init", "leave", "version"),
}


def arrange(app: typer.Typer) -> None:
    """Puts every command of the command line under its heading, in the order of ``PANELS``."""
    panel_of = {name: (number, panel) for number, (panel, names) in enumerate(PANELS.items()) for name in names}
    commands = app.registered_commands
    for command in commands:
        command.rich_help_panel = panel_of[name_of(command)][1]
    commands.sort(key=lambda command: panel_of[name_of(command)][0])
