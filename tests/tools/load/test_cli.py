"""``serin-load`` tells how it goes while it runs, also where nobody looks at a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from e2e.load import cli
from e2e.load.answer import Answer
from e2e.load.background import BackgroundLoad
from e2e.load.generator import LoadPlan

AWAY = ["m", "--host", "m.example.com", "--features", "1", "--gateway", "http://127.0.0.1:1", "--rate", "20"]


@pytest.mark.parametrize(("options", "tells"), [((), True), (("--quiet",), False)])
def test_a_line_every_few_seconds_says_what_it_did_so_far(
    options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, *, tells: bool
) -> None:
    monkeypatch.setattr(cli, "TICK_SECONDS", 0.05)
    monkeypatch.setattr(cli, "LINE_SECONDS", 0.3)
    result = CliRunner().invoke(cli.app, [*AWAY, "--seconds", "1", *options])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["versions"]
    lines = [line for line in result.stderr.splitlines() if "requests sent" in line and "s left" in line]
    assert bool(lines) is tells
    assert all("no answer yet" in line or "answered by no version" in line for line in lines)


def test_it_says_who_answered(tmp_path: Path) -> None:
    load = BackgroundLoad(LoadPlan("http://127.0.0.1:1", "h", "m", b"", rate=1), tmp_path / "x.csv")
    assert cli.so_far(load).endswith("; no answer yet")
    for status, version in ((200, "1"), (200, "1"), (500, "2"), (0, "")):
        load.live.add(Answer(1, 0.1, status, version))
    assert cli.so_far(load).endswith(
        "; 1 answered by no version (1 failed), 2 answered by version 1, 1 answered by version 2 (1 failed)"
    )
