"""``python -m serin.cli``: the same as ``serin``."""

from __future__ import annotations

from serin.cli.main import run

run()
