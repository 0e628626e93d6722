"""One module and one line in ``INDICATORS`` are all that a new indicator takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from serin.indicators import INDICATORS


def test_an_indicator_of_ones_own_is_one_module_and_one_line(tmp_path: Path) -> None:
    story = [sys.executable, "-m", "tests.unit.indicators.newcomer.story", str(tmp_path)]
    found = subprocess.run(story, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


def test_each_kind_has_a_name_of_its_own() -> None:
    names = [indicator.kind for indicator in INDICATORS]
    assert len(set(names)) == len(names)
