"""Makes the command line one file, ``build/serin.pex``, and the archive from which krew installs it.

``python -m tools.onefile FOLDER`` takes the packages from this environment, which the locks filled: nothing is fetched.
The file is for this platform and this version of Python: compiled packages are in it.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

from tools.krew import LICENCE, PROGRAM

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "operator" / "src" / "serin"
ENTRY = "serin.cli.main:run"
EXTRAS = ("lint", "view")
"""What evaluates the kinds' rules, without which `serin lint` does half of its work, and the full screen of `watch`."""


def requirements() -> list[str]:
    """What the command line needs, as pyproject.toml has it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [*project["dependencies"], *(each for extra in EXTRAS for each in project["optional-dependencies"][extra])]


def staged(folder: Path) -> Path:
    """The package with its kinds, as a wheel has it, and without byte code of this machine."""
    target = folder / "sources"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(SOURCES, target / "serin", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "crds", target / "serin" / "crds")
    return target


def command(sources: Path, output: Path) -> list[str]:
    """How pex is asked: it unpacks itself at the first start, and starts from there afterwards."""
    pex = [str(Path(sys.executable).parent / "pex"), "--venv-repository", str(Path(sys.executable).parents[1])]
    options = ["--venv", "prepend", "--python-shebang", "/usr/bin/env python3"]
    return [*pex, *requirements(), "-D", str(sources), "-e", ENTRY, *options, "-o", str(output)]


def archived(program: Path, folder: Path, platform: str) -> Path:
    """The archive for krew: the program under the plugin's name, and the licence."""
    path = folder / f"serin-{platform}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(program, PROGRAM)
        archive.add(ROOT / LICENCE, LICENCE)
    return path


def main(argv: Sequence[str] | None = None) -> int:
    """Makes both; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools.onefile")
    parser.add_argument("folder", type=Path, help="where the files go")
    parser.add_argument("--platform", default="linux-amd64", help="for the name of krew's archive")
    args = parser.parse_args(argv)
    args.folder.mkdir(parents=True, exist_ok=True)
    program = args.folder / "serin.pex"
    sources = staged(args.folder)
    try:
        subprocess.run(command(sources, program), check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"tools.onefile: {error}", file=sys.stderr)
        return 2
    finally:
        shutil.rmtree(sources, ignore_errors=True)
    archive = archived(program, args.folder, args.platform)
    for path in (program, archive):
        print(f"{path}  {path.stat().st_size / 2**20:.0f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
