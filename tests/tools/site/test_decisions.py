"""The list of decisions names every decision, in order and by its title."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "adr"


def test_the_list_of_decisions_is_complete() -> None:
    wanted = []
    for page in sorted(FOLDER.glob("[0-9]*.md")):
        number, _, title = page.read_text("utf-8").splitlines()[0].removeprefix("# ").partition(". ")
        wanted.append((number, title, page.name))
    listed = re.findall(r"^(\d+)\. \[(.+)\]\((\S+\.md)\)$", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE)
    assert listed == wanted
