"""Which Python packages does an image need, and how do they get into a folder? As locked, for the image's Python."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.sandbox.cache import remove_tree
from e2e.sandbox.process import run_logged

if TYPE_CHECKING:
    from collections.abc import Iterable

LOCKS = [Path(__file__).resolve().parents[2] / "requirements" / name for name in ("dev.lock", "nodeps.lock")]
PYTHON = "3.11"
"""Of the image's Debian."""
GLIBC = 36
"""Minor version of the image's C library: wheels for this and every older one fit."""
WITHOUT_DEPENDENCIES = "kserve-storage"
"""Asks for every cloud's SDK and imports none of them here: see requirements/nodeps.lock."""


def closure(names: Iterable[str]) -> set[str]:
    """The packages and all that they need, as installed in this environment; normalised names."""
    found: set[str] = set()
    wanted = [normal(name) for name in names]
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        try:
            requirements = metadata.distribution(name).requires or []
        except metadata.PackageNotFoundError:
            continue  # for another platform or Python
        found.add(name)
        if name != WITHOUT_DEPENDENCIES:
            wanted += [normal(re.split(r"[^A-Za-z0-9._-]", r)[0]) for r in requirements if "extra ==" not in r]
    return found


def locked(names: set[str], lock: str) -> str:
    """The entries of a lock file that name one of ``names``, with their hashes."""
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", lock)
    return "".join(entry for entry in entries if normal(entry.partition("==")[0]) in names)


def pinned(names: Iterable[str]) -> str:
    """Those entries of our lock files that the packages and all they need consist of, as requirements for pip."""
    wanted = closure(names)
    return "".join(locked(wanted, lock.read_text("utf-8")) for lock in LOCKS)


def normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def install(names: Iterable[str], cache: Path) -> Path:
    """A folder for PYTHONPATH with the packages and all they need, byte code included; from the cache or made now."""
    requirements = pinned(names)
    entry = cache / f"packages-{hashlib.sha256(f'{PYTHON}{GLIBC}{requirements}'.encode()).hexdigest()[:16]}"
    if entry.is_dir():
        return entry
    cache.mkdir(parents=True, exist_ok=True)
    staging = cache / ".staging-packages"
    remove_tree(staging)
    file = cache / "packages.txt"
    file.write_text(requirements, "utf-8")
    platforms = [f"--platform=manylinux_2_{minor}_x86_64" for minor in range(GLIBC, 4, -1)]
    platforms += [f"--platform={name}_x86_64" for name in ("manylinux2014", "manylinux2010", "manylinux1", "linux")]
    command = [
        *(
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--no-compile",
        ),
        *("--require-hashes", "--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON}", *platforms),
        *("--root-user-action=ignore", "--target", str(staging), "-r", str(file)),
    ]
    run_logged("Python packages", command, cwd=cache, log=cache / "packages.log", environment=os.environ)
    if sys.version_info[:2] == (3, 11):  # byte code of another Python would be of no use to the image's
        log = cache / "compile.log"
        compiling = [sys.executable, "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
        run_logged("byte code", [*compiling, str(staging)], cwd=cache, log=log, environment=os.environ)
    staging.rename(entry)
    return entry
