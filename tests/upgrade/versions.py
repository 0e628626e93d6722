"""What earlier versions of Serin left in a cluster; see :mod:`tests.upgrade.store`."""

from __future__ import annotations

import copy
import gzip
import json
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

VERSIONS = tuple(sorted(path for path in (Path(__file__).parent / "versions").iterdir() if path.is_dir()))
Objects = dict[tuple[str, str, str], dict[str, Any]]


@lru_cache
def _read(path: Path) -> Any:
    return json.loads(gzip.decompress(path.read_bytes()))


def kinds(version: Path) -> dict[str, dict[str, Any]]:
    """The CustomResourceDefinitions, by kind."""
    return {crd["spec"]["names"]["kind"]: copy.deepcopy(crd) for crd in _read(version / "kinds.json.gz")}


def phases(version: Path) -> tuple[str, ...]:
    """Those in which objects were stored."""
    return tuple(_read(version / "objects.json.gz"))


def left(version: Path, phase: str) -> tuple[datetime, Objects]:
    """The time, and the objects by plural, namespace and name."""
    stored = copy.deepcopy(_read(version / "objects.json.gz")[phase])
    objects = {(plural, space, name): obj for plural, space, name, obj in stored["objects"]}
    return datetime.fromisoformat(stored["at"]), objects


ALL = tuple((version, phase) for version in VERSIONS for phase in phases(version))
NAMES = tuple(f"{version.name}-{phase}" for version, phase in ALL)
