"""Which parts does the sandbox consist of, pinned to what, and which key names one exact build?

Standard library only: read before the virtual environment exists.
"""

from __future__ import annotations

import hashlib
import platform
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
BUILD_FLAGS = ("-trimpath", "-pgo=off", "-buildvcs=false", "-mod=readonly")
# No inlining and no debugging data: a third less work for the compiler, for a sixth more of the API server's own at
# bring-up (measured). They change no behaviour, so they are not part of a key.
EFFORT_FLAGS = ("-gcflags=all=-l -dwarf=false",)
MANIFESTS_FORMAT = "1"  # raised when the layout of the copied manifests changes


@dataclass(frozen=True, slots=True)
class Part:
    """One binary and everything that decides its content, apart from the Go release that compiles it."""

    name: str
    module: Path
    package: str
    tags: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    optional: bool = False

    @property
    def variable(self) -> str:
        """The environment variable that names a ready binary."""
        return "SERIN_" + self.name.upper().replace("-", "_")

    @property
    def flags(self) -> tuple[str, ...]:
        """Those arguments of ``go build`` that decide what the binary does."""
        linker = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in self.values)])
        return (*BUILD_FLAGS, *self.tag_flags, f"-ldflags={linker}")

    @property
    def tag_flags(self) -> tuple[str, ...]:
        """The part of the flags that decides which packages are needed."""
        return (f"-tags={','.join(self.tags)}",) if self.tags else ()

    @property
    def key(self) -> str:
        """Changes when the pins, the package or a flag change; not with the Go release on this machine."""
        return _digest(*_pins(self.module), self.package, platform.machine(), *self.flags)


@dataclass(frozen=True, slots=True)
class ManifestSource:
    """Files that are copied out of a Go module as they were released."""

    module: Path
    origin: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Toolchain:
    """The package of the Python registry that ships Go, for machines without one."""

    package: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that parts.toml says."""

    toolchain: Toolchain
    parts: tuple[Part, ...]
    manifests: tuple[ManifestSource, ...]

    @property
    def manifests_key(self) -> str:
        """Changes when a pin of a module with manifests, or the list of files, changes."""
        content: list[str] = [MANIFESTS_FORMAT]
        for source in self.manifests:
            content += [*_pins(source.module), source.origin, *source.files]
        return _digest(*content)

    def part(self, name: str) -> Part:
        """The part called ``name``; KeyError if there is none."""
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(name)


def load(folder: Path = FOLDER) -> Catalogue:
    """Read parts.toml and the module folders beside it. One without ``[go]`` is compiled as the sandbox's parts are."""
    raw: dict[str, Any] = tomllib.loads((folder / "parts.toml").read_text("utf-8"))
    values: dict[str, dict[str, str]] = raw.get("values", {})
    parts = tuple(
        Part(
            name=entry["name"],
            module=folder / entry["module"],
            package=entry["package"],
            tags=tuple(entry.get("tags", ())),
            values=tuple(values[entry["values"]].items()) if "values" in entry else (),
            optional=entry.get("optional", False),
        )
        for entry in raw["part"]
    )
    manifests = tuple(
        ManifestSource(module=folder / entry["module"], origin=entry["from"], files=tuple(entry["files"]))
        for entry in raw.get("manifest", ())
    )
    toolchain = Toolchain(**raw["go"]) if "go" in raw else load().toolchain
    return Catalogue(toolchain=toolchain, parts=parts, manifests=manifests)


def required_go(module: Path) -> tuple[int, ...]:
    """The Go version that a module folder asks for, as numbers."""
    for line in (module / "go.mod").read_text("utf-8").splitlines():
        if line.startswith("go "):
            return tuple(int(number) for number in line.split()[1].split("."))
    raise ValueError(f"{module / 'go.mod'} names no Go version")


def _pins(module: Path) -> list[str]:
    """The content of a module folder: its pins, and a program of its own if it has one."""
    return [path.read_text("utf-8") for path in (module / "go.mod", module / "go.sum", *sorted(module.glob("*.go")))]


def _digest(*content: str) -> str:
    digest = hashlib.sha256()
    for item in content:
        digest.update(item.encode())
        digest.update(b"\0")
    return digest.hexdigest()[:16]
