"""Checks the licences of the packages in the operator's image: each is on a list of licences that the OSI approves.

``python -m tools.licences`` reads the names in ``requirements/operator.lock`` and the metadata of the installed
packages; it asks no server. It exits with 1 and names each package whose licence is unknown or not on the list.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ALLOWED = frozenset(
    {
        "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CNRI-Python", "ISC", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0",
    }
)  # fmt: skip
"""SPDX identifiers. All let an Apache-2.0 program be given away with them; MPL-2.0 asks for its own files' sources."""
SPELLINGS = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "ISC License": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""How metadata older than SPDX expressions spells them."""
READ_BY_HAND = {
    "promql-parser": "MIT",  # 0.12.0 has a LICENSE file and no field
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",  # "Dual License", and a classifier for each
}


def licence_of(name: str) -> str:
    """The SPDX expression of an installed package; empty if its metadata has none."""
    found = metadata(name)
    classifiers = [c.rpartition(" :: ")[2] for c in found.get_all("Classifier") or [] if c.startswith("License :: ")]
    expression, text = (found.get_all(field) or [""] for field in ("License-Expression", "License"))
    given = expression[0] or READ_BY_HAND.get(name) or text[0]
    if given and len(given.splitlines()) == 1:
        return SPELLINGS.get(given, given)
    return SPELLINGS.get(classifiers[0], classifiers[0]) if len(classifiers) == 1 else ""


def is_allowed(expression: str) -> bool:
    """Whether one side of each OR, and all sides of each AND, are on the list."""
    parts = re.split(r"\s+AND\s+", expression.replace("(", "").replace(")", ""))
    return all(any(choice.strip() in ALLOWED for choice in re.split(r"\s+OR\s+", part)) for part in parts)


def locked(text: str) -> list[str]:
    """The names in a lock file."""
    return re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, re.MULTILINE)


def problems(names: Iterable[str]) -> list[str]:
    """A line for each package that may not go into the image as it is."""
    found = []
    for name in names:
        try:
            licence = licence_of(name)
        except PackageNotFoundError:
            found.append(f"{name}: is not installed; run `make setup`")
            continue
        if not licence:
            found.append(
                f"{name}: its metadata names no licence; read it, and add it to READ_BY_HAND in tools/licences.py"
            )
        elif not is_allowed(licence):
            found.append(f"{name}: {licence} is not on the list ALLOWED in tools/licences.py")
    return found


def main(argv: list[str] | None = None) -> int:
    """Prints what is wrong; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools.licences")
    parser.add_argument("lock", nargs="?", type=Path, default=Path("requirements/operator.lock"))
    names = locked(parser.parse_args(argv).lock.read_text("utf-8"))
    found = problems(names) if names else ["the lock names no package"]
    print(
        "\n".join(found) or f"{len(names)} packages, all with licences of the list",
        file=sys.stderr if found else sys.stdout,
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
