"""The objects in files that people would apply: YAML documents and lists, one object after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from serin.api.files.load import LARGEST_DOCUMENT
from serin.cli.judge import read_text
from serin.cli.lint.source import read
from serin.errors import InvalidInput

SUFFIXES = (".yaml", ".yml", ".json")


def files_in(paths: list[Path]) -> Iterator[Path]:
    """The files themselves, and of directories those below with a suffix of YAML or JSON; ``InvalidInput``."""
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES and p.is_file() and _is_below(p, path))
        else:
            yield path


def _is_below(file: Path, folder: Path) -> bool:
    """Whether a file is in the folder itself: a link in somebody's repository may lead to a file of this machine."""
    if not file.resolve().is_relative_to(folder.resolve()):
        raise InvalidInput(f"{file} is a link that leads out of {folder}; give the file itself")
    return True


def objects_in(paths: list[Path]) -> Iterator[Mapping[str, Any]]:
    """The objects of all files, lists unfolded; ``InvalidInput``."""
    for path in files_in(paths):
        found = read(read_text(path, LARGEST_DOCUMENT), str(path))
        if not found.is_whole:
            why = found.findings[-1]
            raise InvalidInput(f"{path}:{why.line}: {why.message}; serin lint says more")
        yield from (document.value for document in found.documents)
