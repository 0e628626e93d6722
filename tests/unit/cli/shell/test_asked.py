"""A start builds the command that is asked for, and all of them where a name or the shell asks for more."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from serin.cli.main import app
from serin.cli.shell.asked import name_of, only_what_is_asked


@pytest.mark.parametrize(
    ("arguments", "environment", "kept"),
    [
        (["get", "fraud"], {}, ["get"]),
        (["get", "--help"], {}, ["get"]),
        ([], {}, None),
        (["--help"], {}, None),
        (["gte"], {}, None),
        (["--", "get", "fraud"], {}, None),
        (["get", "fr"], {"_SERIN_COMPLETE": "complete_bash"}, None),
    ],
)
def test_what_is_kept(arguments: list[str], environment: dict[str, str], kept: list[str] | None) -> None:
    every = [name_of(each) for each in app.registered_commands]
    small = only_what_is_asked(app, arguments, environment)
    assert [name_of(each) for each in small.registered_commands] == (kept if kept is not None else every)
    assert [name_of(each) for each in app.registered_commands] == every, "app itself keeps them all"


def test_help_on_all_says_the_same_without_the_options() -> None:
    every, named = (CliRunner().invoke(each, ["--help"]).output for each in (app, only_what_is_asked(app, [], {})))
    assert every == named


def test_a_name_behind_something_else_is_built_in_full() -> None:
    assert only_what_is_asked(app, ["--", "get", "fraud"], {}) is app


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["version"], 0, "serin 0."),
        (["retry", "--help"], 0, "Usage: serin retry"),
        (["--help"], 0, "Before an apply"),
        (["gte"], 2, "Did you mean"),
    ],
)
def test_the_entry_point(arguments: list[str], code: int, words: str) -> None:
    program = [sys.executable, "-m", "serin.cli", *arguments]
    ended = subprocess.run(program, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == code, ended.stderr
    assert words in ended.stdout + ended.stderr
