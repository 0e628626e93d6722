"""A value that an option cannot use is told in plain words, by every command."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from serin.cli.main import app

WIDE = {"COLUMNS": "200", "TERM": "dumb"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("simulate --rps abc", "Invalid value for '--rps': 'abc': expected a number, such as 0.5"),
        ("simulate --runs 1.5", "Invalid value for '--runs': '1.5': expected a whole number, such as 5"),
        ("hold fraud --answer-within x", "Invalid value for '--answer-within': 'x': expected a number"),
        ("list -o xml", "Invalid value for '--output' / '-o': 'xml' is not one of 'table', 'json', 'yaml', 'text'."),
        ("report --format pdf", "Invalid value for '--format': 'pdf' is not one of 'markdown', 'html', 'json'."),
    ],
)
def test_a_value_that_cannot_be_used(arguments: str, words: str) -> None:
    result = CliRunner().invoke(app, arguments.split(), env=WIDE)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Value error" not in result.stderr
    assert "unable to parse" not in result.stderr
