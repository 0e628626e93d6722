"""Where do built parts lie in the user's cache, and how is one put there whole or not at all?

Standard library only. Everything is below ``$XDG_CACHE_HOME/serin/sandbox`` (default ``~/.cache``).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.sandbox.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STAGING_PREFIX = ".staging-"


def default_root() -> Path:
    """The user's cache folder of the sandbox; it need not exist."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "serin" / "sandbox"


@dataclass(frozen=True, slots=True)
class Cache:
    """Finished parts under their keys. Entries appear by rename, so each is complete or absent."""

    root: Path

    def entry(self, name: str, key: str) -> Path:
        """The path of one exact build, whether it exists or not."""
        return self.root / f"{name}-{key}"

    @property
    def go_folder(self) -> Path:
        """Throw-away caches of the Go compiler; they survive an interrupted build, so that it resumes."""
        return self.root / "go-throwaway"

    @contextmanager
    def locked(self, *, on_wait: Callable[[], None]) -> Iterator[None]:
        """Hold the only right to build. ``on_wait`` is called once if somebody else holds it now."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise BuildError(
                f"The cache folder {self.root} cannot be written ({error.strerror}). "
                "Set XDG_CACHE_HOME to a folder that can."
            ) from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait()
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A folder for half-done work on the same file system; gone afterwards whatever happens."""
        folder = Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=self.root))
        try:
            yield folder
        finally:
            remove_tree(folder)

    def sweep(self) -> None:
        """Remove what a killed builder left half done. Only while holding the lock."""
        for leftover in self.root.glob(STAGING_PREFIX + "*"):
            remove_tree(leftover)


def remove_tree(path: Path) -> None:
    """Remove a file or folder, read-only folders (Go's module cache) included; absent is fine."""
    if path.is_file() or path.is_symlink():
        path.unlink()
        return
    if not path.exists():
        return
    for folder, _, _ in os.walk(path):
        mode = Path(folder).stat().st_mode
        if not mode & stat.S_IWUSR:
            Path(folder).chmod(mode | stat.S_IRWXU)
    shutil.rmtree(path)
