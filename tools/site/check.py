"""Is everything there that the project's pages name? ``findings`` needs nothing but the files.

Links and their anchors, paths of the sources in code spans, and targets of the Makefile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from tools.site import markdown

FOLDERS = ("docs", "charts", "examples")
ROOMS = "operator/src"
PATH = re.compile(r"^(?:operator|serin|docs|tests|tools|e2e|charts|crds|examples|requirements)/[\w./*-]+$")
TARGET = re.compile(r"^make ([a-z][a-z0-9-]*)\b")
INVENTED = frozenset(
    {
        "operator/src/serin/rollout/gates/people/office_hours.py",  # docs/development/extending.md lets it be written
    }
)


def pages(root: Path) -> list[Path]:
    """The Markdown files that people read."""
    found = [*root.glob("*.md"), *(path for folder in FOLDERS for path in (root / folder).rglob("*.md"))]
    return sorted(found)


def findings(root: Path) -> list[str]:
    """What is named and not there, each with file and line."""
    targets = frozenset(re.findall(r"^([a-z][a-z0-9-]*):", (root / "Makefile").read_text("utf-8"), re.MULTILINE))

    @cache
    def anchors(path: Path) -> set[str]:
        return markdown.anchors(path.read_text("utf-8"))

    out: list[str] = []
    for path in pages(root):
        text = path.read_text("utf-8")
        wrong = [*_links(root, path, text, anchors), *_spans(root, text, targets)]
        out += [f"{path.relative_to(root)}:{line}: {what}" for line, what in sorted(wrong)]
    return out


def _links(root: Path, path: Path, text: str, anchors: Callable[[Path], set[str]]) -> Iterator[tuple[int, str]]:
    for link in markdown.links(text):
        there = (path.parent / link.target if link.target else path).resolve()
        if not there.exists() or root.resolve() not in (there, *there.parents):
            yield link.line, f"{link.target} is not there"
        elif link.fragment and there.suffix == ".md" and link.fragment not in anchors(there):
            yield link.line, f"{link.target or path.name} has no heading #{link.fragment}"


def _spans(root: Path, text: str, targets: frozenset[str]) -> Iterator[tuple[int, str]]:
    for span in markdown.spans(text):
        asked = TARGET.match(span.text)
        if asked and asked.group(1) not in targets:
            yield span.line, f"the Makefile has no target {asked.group(1)}"
        if PATH.match(span.text) and span.text not in INVENTED and not _is_there(root, span.text):
            yield span.line, f"{span.text} is not there"


def _is_there(root: Path, path: str) -> bool:
    where = root / ROOMS if path.startswith("serin/") else root
    return any(where.glob(path.rstrip("/"))) if "*" in path else (where / path).exists()
