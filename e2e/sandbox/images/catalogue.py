"""Which program stands behind an image name? Names that are not listed here cannot be pulled."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .models import builtin_model_dir

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL_HOST = "models.sandbox"
"""The name under which containers reach the model store (their /etc/hosts knows it)."""

MODEL_SERVER = "serin.sandbox/model-server:1"
TRANSFORMER = "serin.sandbox/transformer:1"
TRIALS = "serin.sandbox/trials:1"
"""A Python with scikit-learn and model-signing, for Jobs of gates."""
SHELL = "serin.sandbox/shell:1"
PAUSE = "serin.sandbox/pause:1"
ENVOY = "serin.sandbox/envoy:1"
"""The gateway's program; the sandbox says where it is."""
STORAGE_INITIALIZERS = ("kserve/storage-initializer:v0.20.0", "kserve/storage-initializer:latest")

_ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Image:
    """How an image runs as a local process: its entry point, and the environment it brings along."""

    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    entry: str = ""
    """The function (`module:name`) that is the same program in an interpreter that has its imports already."""


class Catalogue:
    """All images of the sandbox."""

    def __init__(self, cache_dir: Path, binaries: Mapping[str, str] | None = None) -> None:
        """`cache_dir` holds the trained models; `binaries` are further images, each a program of that path."""
        # One thread per numerical library: containers share few cores, and a model here is small.
        threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        python = {"PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1", **threads}
        builtin = {"BUILTIN_MODEL_DIR": str(builtin_model_dir(cache_dir))}
        server, initializer = "e2e.sandbox.images.modelserver", "e2e.sandbox.images.storage_initializer"
        transformer = "e2e.sandbox.images.transformer"
        self._images = {
            MODEL_SERVER: _python(server, python | builtin, f"{server}.__main__:main"),
            TRANSFORMER: _python(transformer, python, f"{transformer}:main"),
            PAUSE: Image(("sleep", "infinity")),
            SHELL: Image(("sh",)),
            TRIALS: Image(("python",), {"PATH": _path(), **threads}),
            **{name: _binary(path) for name, path in (binaries or {}).items()},
            **dict.fromkeys(STORAGE_INITIALIZERS, _python(initializer, python, f"{initializer}:main")),
        }

    @property
    def names(self) -> tuple[str, ...]:
        """All image names, sorted."""
        return tuple(sorted(self._images))

    @property
    def host_names(self) -> tuple[str, ...]:
        """The names that stand for the node itself in every container."""
        return (MODEL_HOST,)

    def find(self, name: str) -> Image | None:
        """Give the image of that name, also when it names the default registry; None if there is none."""
        return self._images.get(name.removeprefix("docker.io/"))


def _binary(path: str) -> Image:
    """A program that pods may also call by its name."""
    return Image((path,), {"PATH": _path(Path(path).parent)})


def _path(first: Path = Path(sys.executable).parent) -> str:
    """The search path with a folder, this Python's if not another, first."""
    return os.pathsep.join((str(first), os.environ.get("PATH", os.defpath)))


def _python(module: str, env: Mapping[str, str], entry: str) -> Image:
    return Image((sys.executable, "-m", module), env, entry)
