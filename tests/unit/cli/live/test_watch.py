"""``serin watch``: the full screen where somebody can see and use it, lines for everybody else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from serin.cli.live import watching
from serin.cli.main import app
from tests.fake_api import Desk, desk_of
from tests.lab import Lab


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = desk_of(Lab(), monkeypatch)
    made.go_live()
    return made


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The full screens that were asked for: a terminal that nobody has to look at."""
    pytest.importorskip("textual", reason="textual is not installed: it is in the extra view")
    from serin.cli.screen import running

    asked: list[Any] = []

    def run(*given: object) -> int:
        asked.append(given)
        return 0

    monkeypatch.setattr(running, "run", run)
    monkeypatch.setattr(watching, "full_screen", lambda: True)
    return asked


def ran(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["watch", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_into_a_pipe_each_change_is_a_line(desk: Desk) -> None:
    desk.lab.want("2")
    result = ran("fraud", "-n", "prod", "--timeout", "20s")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert any(" Progressing stable=1 candidate=2 weight=40% CollectingEvidence" in line for line in lines)
    assert " Stable stable=2 candidate=- weight=-" in lines[-1]


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ((), (None, "prod", None, None)),
        (("-A",), (None, "", None, None)),
        (("-n", "risk"), (None, "risk", None, None)),
        (("mdep/fraud", "--timeout", "90s"), (None, "prod", "fraud", 90.0)),
        (("fraud", "--timeout", "0s", "--context", "c"), ("c", "prod", "fraud", 0.0)),
    ],
)
@pytest.mark.usefixtures("desk")
def test_a_terminal_gets_the_full_screen(
    shown: list[Any], arguments: tuple[str, ...], asked: tuple[object, ...]
) -> None:
    result = ran(*arguments)
    assert (result.exit_code, result.output) == (0, "")
    assert shown == [asked]


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("form", ["json", "yaml"])
def test_a_program_gets_documents_in_a_terminal_too(shown: list[Any], form: str) -> None:
    result = ran("fraud", "-o", form, "--timeout", "1s")
    assert "ModelDeploymentDetails" in result.stdout
    assert shown == []


@pytest.mark.usefixtures("desk")
def test_without_textual_there_are_lines_and_one_note_how_to_get_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "full_screen", lambda: True)
    monkeypatch.setitem(sys.modules, "textual", None)
    result = ran("fraud", "--timeout", "3s")
    assert result.stderr == f"serin: note: {watching.NO_SCREEN}\n"
    assert ".[view]" in watching.NO_SCREEN
    assert " Stable stable=1" in result.stdout


@pytest.mark.parametrize(("terminal", "there"), [("dumb", False), ("", False), ("xterm-256color", True)])
def test_a_terminal_that_cannot_move_its_cursor_gets_lines(
    monkeypatch: pytest.MonkeyPatch,
    terminal: str,
    there: bool,  # noqa: FBT001 - a parameter
) -> None:
    monkeypatch.setenv("TERM", terminal)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert watching.full_screen() is there
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    assert not watching.full_screen(), "nobody could press a key"


def test_what_is_not_there_or_not_clear_is_told_before_a_screen(desk: Desk, shown: list[Any]) -> None:
    assert "does not exist in namespace prod" in ran("nix").stderr
    assert "-A is for all ModelDeployments" in ran("fraud", "-A").stderr
    desk.lab.cluster.down = True
    assert "the API server is away" in ran("fraud").stderr
    assert shown == []


@pytest.mark.parametrize("everywhere", [(), ("-A",)])
def test_where_nothing_could_be_read_it_ends_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, everywhere: tuple[str, ...]
) -> None:
    config = tmp_path / "config"
    config.write_text(
        "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: u, user: {}}]\n"
    )
    monkeypatch.setenv("KUBECONFIG", str(config))
    result = ran(*everywhere, "--timeout", "1s")
    assert result.exit_code == 2
    assert "serin: nothing could be read until the end of --timeout: " in result.stderr
    assert "Is it the right cluster?" in result.stderr
