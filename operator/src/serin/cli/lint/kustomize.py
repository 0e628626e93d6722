"""What a kustomization says of the files beside it: which are patches, and in which namespace the others are.

A patch is no object: it has only what it changes. What a build gives can be written to a file and linted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serin.cli.judge import read_text
from serin.cli.lint.source import read

FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


@dataclass(frozen=True, slots=True)
class Kustomization:
    """What counts of one."""

    patches: frozenset[Path] = frozenset()
    """Files that are patches, and not resources as well: a kustomization hides no object."""
    namespace: str | None = None


NONE = Kustomization()


def kustomizations(files: Iterable[Path]) -> dict[Path, Kustomization]:
    """By directory; one that cannot be read says nothing."""
    found = {}
    for folder in {file.parent for file in files}:
        file = next((folder / name for name in FILES if (folder / name).is_file()), None)
        if file is not None:
            found[folder] = _of(folder, next((d.value for d in read(read_text(file), str(file)).documents), {}))
    return found


def _of(folder: Path, value: Mapping[str, Any]) -> Kustomization:
    patches, resources, namespace = value.get("patches"), value.get("resources"), value.get("namespace")
    listed = patches if isinstance(patches, list) else []
    named = [patch.get("path") for patch in listed if isinstance(patch, Mapping)]
    return Kustomization(
        _files(folder, named) - _files(folder, resources if isinstance(resources, list) else []),
        namespace if isinstance(namespace, str) else None,
    )


def _files(folder: Path, names: Iterable[object]) -> frozenset[Path]:
    return frozenset((folder / name).resolve() for name in names if isinstance(name, str) and "\0" not in name)
