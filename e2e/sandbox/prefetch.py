"""How is the network kept busy while the compiler works?  The next parts' modules are fetched in the background.

Only a hint: a failure here is not told, since the build that needs the modules will meet and tell it.
Standard library only.
"""

from __future__ import annotations

import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from e2e.sandbox.process import end_group

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2e.sandbox.parts import Part
    from e2e.sandbox.toolchain import Go


@contextmanager
def prefetched(parts: Sequence[Part], go: Go) -> Iterator[None]:
    """Fetch what the parts import, one part after another, for as long as the block runs."""
    fetcher = _Fetcher(parts, go)
    thread = threading.Thread(target=fetcher.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        fetcher.end()
        thread.join()


class _Fetcher:
    def __init__(self, parts: Sequence[Part], go: Go) -> None:
        self._parts = parts
        self._go = go
        self._lock = threading.Lock()
        self._ended = False
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        for part in self._parts:
            with self._lock:
                if self._ended:
                    return
                # Listing all dependencies makes Go fetch exactly the modules that the build will need.
                self._process = subprocess.Popen(
                    [str(self._go.command), "list", "-mod=readonly", "-deps", *part.tag_flags, part.package],
                    cwd=part.module,
                    env=dict(self._go.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            self._process.wait()

    def end(self) -> None:
        with self._lock:
            self._ended = True
            if self._process is not None and self._process.poll() is None:
                end_group(self._process)
