"""``serin --help`` names every command once, under the heading of what people want to do."""

from __future__ import annotations

from typer.testing import CliRunner

from serin.cli.main import app
from serin.cli.shell.panels import PANELS


def test_every_command_has_its_heading() -> None:
    told = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "100", "TERM": "dumb"}).stdout
    at = [told.index(f"\n{panel}:\n") for panel in PANELS]
    assert at == sorted(at)
    assert sorted(name for names in PANELS.values() for name in names) == sorted(
        command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands
    )
    assert "..." not in told.partition("\n\n")[2], "no sentence is cut"


def test_no_marks_of_the_documentation_stand_in_the_help() -> None:
    for name in ("--help", "watch", "hold", "abort"):
        told = CliRunner().invoke(app, [name] if name == "--help" else [name, "--help"]).stdout
        assert "``" not in told, name
