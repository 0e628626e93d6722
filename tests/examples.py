"""The folders of ``examples/``: what is in each, and which commands its README names."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import yaml

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
FOLDERS = tuple(sorted(path for path in EXAMPLES.iterdir() if path.is_dir()))
PROMPT = re.compile(r"^\$ (serin .*)$", re.MULTILINE)


def named(folder: Path) -> str:
    """What a test's id calls it."""
    return folder.name


def readme(folder: Path) -> str:
    """Its page."""
    return (folder / "README.md").read_text("utf-8")


def commands(folder: Path, name: str = "") -> list[list[str]]:
    """The arguments of each ``serin`` command that its README shows; with ``name`` of this command only."""
    found = [shlex.split(line)[1:] for line in PROMPT.findall(readme(folder))]
    return [arguments for arguments in found if not name or arguments[0] == name]


def documents(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """The objects of its files, patches and kustomizations left out; each with its file."""
    found = []
    for path in sorted(folder.rglob("*.yaml")):
        found += [(path, item) for item in yaml.safe_load_all(path.read_text("utf-8")) if item and "kind" in item]
    return found
