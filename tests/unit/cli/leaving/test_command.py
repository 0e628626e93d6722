"""``serin leave`` as it is called."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from serin.cli.main import app


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["leave", "fraud"], "expected mdep/NAME"),
        (["leave", "isvc/fraud"], "expected mdep/NAME"),
        (["leave", "mdep/fraud"], "there is no kubeconfig"),
        (["leave", "mdep/fraud", "--timeout", "nan"], "--timeout nan: expected a number of seconds, above 0"),
        (["leave", "mdep/fraud", "--timeout", "0"], "--timeout 0: expected a number of seconds, above 0"),
        (["leave", "mdep/fraud", "--timeout", "inf"], "--timeout inf: expected a number of seconds, above 0"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_2(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], words: str
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
