"""Draws the rooms of the operator and their imports, from the code, into ``docs/development/architecture.md``.

``python -m tools.architecture`` writes the picture between its two marks; with ``--check`` it compares and exits with 1
if the file differs. An arrow that follows from two others is left out: the picture shows the longest way down.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Mapping
from pathlib import Path

PACKAGE = Path("operator/src/serin")
PAGE = Path("docs/development/architecture.md")
BEGIN, END = "<!-- rooms: begin -->", "<!-- rooms: end -->"
EVERYWHERE = {"errors", "together"}
"""Single modules that every room may use; arrows to them would hide the others."""

Imports = Mapping[str, set[str]]
"""Per room the rooms that it imports."""


def rooms(package: Path = PACKAGE) -> dict[str, set[str]]:
    """Returns the rooms below ``package`` (folders, and modules that stand alone) with what each imports."""
    found: dict[str, set[str]] = {}
    for path in sorted(package.rglob("*.py")):
        room = path.relative_to(package).parts[0].removesuffix(".py")
        if room.startswith("__") or room in EVERYWHERE:
            continue
        targets = {
            node.module.split(".")[1]
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("serin.")
        }
        found.setdefault(room, set()).update(targets - {room} - EVERYWHERE)
    return found


def reduced(imports: Imports) -> dict[str, list[str]]:
    """Returns the imports without those that follow from others."""

    def below(room: str) -> set[str]:
        return set().union(*({target} | below(target) for target in imports[room])) if imports[room] else set()

    return {
        room: sorted(t for t in targets if not any(t in below(other) for other in targets - {t}))
        for room, targets in sorted(imports.items())
    }


def picture(package: Path = PACKAGE) -> str:
    """Returns the picture as Mermaid text."""
    arrows = reduced(rooms(package))
    edges = [f"    {room} --> {target}" for room, targets in arrows.items() for target in targets]
    return "\n".join(["```mermaid", "graph TD", *edges, "```"])


def with_picture(page: str, package: Path = PACKAGE) -> str:
    """Returns the page with the present picture between the marks; ``ValueError`` without marks."""
    before, _, rest = page.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        message = f"no {BEGIN} … {END} in the page"
        raise ValueError(message)
    return f"{before}{BEGIN}\n{picture(package)}\n{END}{after}"


def main(argv: list[str] | None = None) -> int:
    """Writes the picture, or with ``--check`` says that it is not the code's; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools.architecture")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args(argv)
    page = PAGE.read_text()
    wanted = with_picture(page)
    if not args.check:
        PAGE.write_text(wanted)
        return 0
    if page == wanted:
        return 0
    print(f"{PAGE} does not show the rooms as they are; run `python -m tools.architecture`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
