"""Texts of a screen that are compared with a file; ``SNAPSHOTS=write`` writes it anew, to be looked at."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

SNAPSHOTS = Path(__file__).parent / "snapshots"


@pytest.fixture
def same_as() -> Callable[[str, str], None]:
    """Compares a text with the file of that name."""

    def compare(name: str, text: str) -> None:
        path, lines = SNAPSHOTS / f"{name}.txt", "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
        if os.environ.get("SNAPSHOTS") == "write":
            path.write_text(lines, "utf-8")
        assert lines == path.read_text("utf-8")

    return compare
