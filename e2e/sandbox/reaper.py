"""Who collects processes whose parents died?  The first process of a process-number namespace must: the supervisor.

asyncio collects the supervisor's own children; taking one from it would lose its exit code, so they are told apart.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Reaper:
    """Collects ended orphans whenever the kernel reports that a child ended."""

    def __init__(self) -> None:
        self._own: set[int] = set()
        self._spawning = 0

    def watch(self) -> None:
        """Start collecting. Only in the main thread of the first process of a namespace."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self.collect)

    def own(self, pid: int) -> None:
        """Leave this process to asyncio."""
        self._own.add(pid)

    def disown(self, pid: int) -> None:
        """Forget a process: asyncio has collected it."""
        self._own.discard(pid)

    @asynccontextmanager
    async def spawning(self) -> AsyncIterator[None]:
        """Collect nothing while a process is being started whose number is not known yet."""
        self._spawning += 1
        try:
            yield
        finally:
            self._spawning -= 1
            if self._spawning == 0:
                asyncio.get_running_loop().call_soon(self.collect)

    def collect(self) -> None:
        """Collect every ended child that is not ours."""
        if self._spawning:
            return
        for pid in _ended_children():
            if pid not in self._own:
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)


def _ended_children() -> list[int]:
    parent = str(os.getpid())
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text("utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] == "Z" and fields[1] == parent:
            found.append(int(folder.name))
    return found
