"""The reference of the command line is the code's."""

from __future__ import annotations

from pathlib import Path

import pytest

from serin.cli.main import app
from tools.cliref import PAGE, SCHEMA, main, rendered


def test_the_page_and_the_schema_are_the_codes() -> None:
    for path, text in rendered().items():
        assert path.read_text("utf-8") == text, "run `python -m tools.cliref`"


def test_every_command_is_on_the_page() -> None:
    text = PAGE.read_text("utf-8")
    names = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    assert len(names) > 20
    assert [name for name in names if f"### serin {name}\n" not in text] == []


def test_a_stale_page_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--check"]) == 1
    assert str(SCHEMA) in capsys.readouterr().err
    assert main([]) == 0
    assert main(["--check"]) == 0
