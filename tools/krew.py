"""Writes the manifest with which krew installs ``kubectl serin``, for the archives of a release.

``python -m tools.krew --base-url URL linux-amd64=FILE darwin-arm64=FILE …`` prints it. An archive is a ``.tar.gz`` with
``kubectl-serin`` and ``LICENSE`` in it. krew refuses an archive whose hash is not the one that stands here.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from serin import __version__

PROGRAM, LICENCE = "kubectl-serin", "LICENSE"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
"""Of this process: ``tools.onefile`` makes the archives with the same environment."""
PLATFORMS = ("linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64")
DESCRIPTION = """\
Follow and steer the rollouts of models on KServe that Serin makes: what serves, what is on trial, the evidence against
its threshold, why it waits and what ends it; hold, approve, abort and promote with a reason; lint files offline.
"""


def manifest(archives: dict[str, Path], base_url: str, python: str = PYTHON) -> dict[str, Any]:
    """Returns the manifest; ``ValueError`` for an archive that krew could not use.

    ``python`` is the version that the archives were made with: compiled packages for it, and no other, are in them.
    """
    return {
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": "serin"},
        "spec": {
            "version": f"v{__version__}",
            "homepage": base_url.rsplit("/releases", 1)[0],
            "shortDescription": "Follow and steer rollouts of models on KServe",
            "description": DESCRIPTION,
            "caveats": f"Needs Python {python} as python3, no other version, and Serin in the cluster.\n",
            "platforms": [_platform(name, path, base_url) for name, path in archives.items()],
        },
    }


def _platform(name: str, path: Path, base_url: str) -> dict[str, Any]:
    if name not in PLATFORMS:
        message = f"{name}: expected one of {', '.join(PLATFORMS)}"
        raise ValueError(message)
    with tarfile.open(path) as archive:
        missing = {PROGRAM, LICENCE} - set(archive.getnames())
    if missing:
        message = f"{path}: {', '.join(sorted(missing))} is not in it"
        raise ValueError(message)
    system, machine = name.split("-")
    return {
        "selector": {"matchLabels": {"os": system, "arch": machine}},
        "uri": f"{base_url}/{path.name}",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bin": PROGRAM,
        "files": [{"from": PROGRAM, "to": "."}, {"from": LICENCE, "to": "."}],
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the manifest; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools.krew")
    parser.add_argument("--base-url", required=True, help="where the archives of the release lie")
    parser.add_argument("--python", default=PYTHON, help="version of Python that made the archives (default: this one)")
    parser.add_argument("archives", nargs="+", help="PLATFORM=FILE")
    args = parser.parse_args(argv)
    pairs = dict(each.partition("=")[::2] for each in args.archives)
    try:
        made = manifest({name: Path(file) for name, file in pairs.items()}, args.base_url.rstrip("/"), args.python)
    except (ValueError, OSError, tarfile.TarError) as error:
        print(f"tools.krew: {error}", file=sys.stderr)
        return 2
    print(yaml.safe_dump(made, sort_keys=False), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
