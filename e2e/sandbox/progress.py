"""How does a person see that something long is going on?  On a terminal one line that counts, elsewhere plain lines.

Standard library only. Everything goes to standard error: standard output belongs to results.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

PERIOD_SECONDS = 0.5


def clock(seconds: float) -> str:
    """Seconds as ``m:ss``."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


class Progress:
    """Counts steps ``[n/m]`` and shows how long the running one takes."""

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self._total = total
        self._done = 0
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()

    def say(self, text: str) -> None:
        """One line that stands by itself."""
        self._write(f"{text}\n")

    @contextmanager
    def step(self, name: str, doing: str) -> Iterator[None]:
        """Show ``[n/m] name: doing … m:ss`` until the block ends, then ``done`` or ``failed``."""
        self._done += 1
        label = f"[{self._done}/{self._total}] {name}: "
        started = time.monotonic()
        finished = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(label + doing, started, finished), daemon=True)
        if self._live:
            ticker.start()
        else:
            self.say(f"{label}{doing} …")
        outcome = "failed"
        try:
            yield
            outcome = "done"
        finally:
            finished.set()
            if self._live:
                ticker.join()
            elapsed = clock(time.monotonic() - started)
            self._write(f"{self._clear()}{label}{outcome} in {elapsed}\n")

    def _tick(self, text: str, started: float, finished: threading.Event) -> None:
        while True:
            self._write(f"{self._clear()}{text} … {clock(time.monotonic() - started)}")
            if finished.wait(PERIOD_SECONDS):
                return

    def _clear(self) -> str:
        return "\r\x1b[2K" if self._live else ""

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
