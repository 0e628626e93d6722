"""The CustomResourceDefinitions that this version of Serin was released with: forms, defaults and rules."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from serin.errors import InvalidInput

PACKAGED = Path(__file__).parents[2] / "crds"
"""In the wheel they lie beside the package's rooms."""
IN_REPOSITORY = Path(__file__).parents[5] / "crds"
KSERVE_FIELDS = Path(__file__).with_name("kserve_fields.json")
"""Written by ``python -m tools.kservefields`` from the definition of KServe 0.20."""

ANY_NAME = "*"


@lru_cache(maxsize=1)
def forms() -> dict[str, dict[str, Any]]:
    """The ``openAPIV3Schema`` of each kind; ``InvalidInput`` if the package was built without them."""
    folder = next((path for path in (PACKAGED, IN_REPOSITORY) if path.is_dir()), None)
    if folder is None:
        raise InvalidInput("this installation of serin has no CRDs: install the released package")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        definition = yaml.load(path.read_text("utf-8"), Loader=loader)  # noqa: S506 - both are safe loaders
        found[definition["spec"]["names"]["kind"]] = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


@lru_cache(maxsize=1)
def kserve_fields() -> dict[str, Any]:
    """The form of KServe's components.

    An object has its fields, or ``ANY_NAME`` if they may have any name; a list has the form of its items; anything else
    is the name of its type; null may be anything.
    """
    found: dict[str, Any] = json.loads(KSERVE_FIELDS.read_text("utf-8"))
    return found
