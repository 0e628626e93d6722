"""The objects in files that people would apply: YAML documents and lists, one object after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from serin.api.files.load import LARGEST_DOCUMENT
from serin.cli.judge import read_text
from serin.errors import InvalidInput

SUFFIXES = (".yaml", ".yml", ".json")


def files_in(paths: list[Path]) -> Iterator[Path]:
    """The files themselves, and of directories those below with a suffix of YAML or JSON."""
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES and p.is_file())
        else:
            yield path


def objects_in(paths: list[Path]) -> Iterator[Mapping[str, Any]]:
    """The objects of all files, lists unfolded; ``InvalidInput``."""
    for path in files_in(paths):
        try:
            for document in yaml.safe_load_all(read_text(path, LARGEST_DOCUMENT)):
                if isinstance(document, Mapping):
                    nested = document.get("items")
                    yield from (i for i in nested if isinstance(i, Mapping)) if isinstance(nested, list) else [document]
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise InvalidInput(f"{path}: not YAML: {str(error).splitlines()[0]}; serin lint says more") from None
