"""``python -m serin.cli``: the same as ``serin``."""

from __future__ import annotations

from serin.cli.main import app

app(prog_name="serin")
