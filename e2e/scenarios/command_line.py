"""The command line as people and programs call it: in a terminal of some width, or into a pipe."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2e.deploy.cluster import Json

SECONDS = 150
COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
CHUNK = 65536
MOVES = re.compile(r"\x1b(\[[0-9;?<>=$]*[A-Za-z~]|[()][A-Z0-9]|[\]P_].*?(\x07|\x1b\\)|.)", re.DOTALL)
"""What moves the cursor, colours, or asks the terminal something."""


@dataclass(frozen=True)
class Ran:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str = ""
    seconds: float = 0.0

    @property
    def lines(self) -> list[str]:
        """The lines without colours."""
        return COLOUR.sub("", self.out).replace("\r", "").splitlines()


class Screen:
    """A full screen, somebody who reads it, and their keys."""

    def __init__(self, descriptor: int, process: subprocess.Popen[bytes]) -> None:
        self._descriptor, self._process = descriptor, process
        self._out = b""

    def until(self, words: str, seconds: float = SECONDS) -> None:
        """Waits until words are written; what was written before does not count again."""
        end = time.monotonic() + seconds
        while words not in (text := MOVES.sub("", self._out.decode("utf-8", "replace"))):
            ready, _, _ = select.select([self._descriptor], [], [], max(0.0, end - time.monotonic()))
            if not ready or time.monotonic() > end:
                raise AssertionError(f"{words!r} was not written in {seconds:g} s, but: {text[-3000:]}")
            self._out += os.read(self._descriptor, CHUNK)
        self._out = b""

    def press(self, keys: str) -> None:
        """Types."""
        os.write(self._descriptor, keys.encode())

    def ended(self) -> int:
        """The exit code; what is still written is read, so that nothing keeps the program."""
        with contextlib.suppress(OSError):
            while os.read(self._descriptor, CHUNK):
                pass
        return self._process.wait(SECONDS)


@dataclass(frozen=True)
class CommandLine:
    """``serin`` with a kubeconfig, in a namespace."""

    kubeconfig: Path
    namespace: str

    @contextlib.contextmanager
    def screen(self, *arguments: str, columns: int = 120, rows: int = 50) -> Iterator[Screen]:
        """In a terminal that a program draws a full screen in, for as long as the block lasts."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = self._environment(TERM="xterm-256color")
        with subprocess.Popen(
            self._command(arguments),
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            close_fds=True,
            start_new_session=True,
        ) as process:
            os.close(theirs)
            try:
                yield Screen(ours, process)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                os.close(ours)

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        placed = [] if arguments[0] in {"version", "lint", "judge", "replay", "simulate"} else ["-n", self.namespace]
        return [sys.executable, "-m", "serin.cli", *arguments, *placed]

    def _environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
        return {**kept, "KUBECONFIG": str(self.kubeconfig), **more}

    def piped(self, *arguments: str, given: str | None = None) -> Ran:
        """Into a pipe, as a program calls it."""
        began = time.monotonic()
        done = subprocess.run(
            self._command(arguments),
            env=self._environment(),
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr, time.monotonic() - began)

    def document(self, *arguments: str) -> Json:
        """The document that a command prints as JSON."""
        ran = self.piped(*arguments, "-o", "json")
        assert ran.out, ran.err
        return dict(json.loads(ran.out))

    def terminal(self, *arguments: str, columns: int = 80, typed: str = "") -> Ran:
        """In a terminal, in which somebody types."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        environment = self._environment(TERM="xterm-256color")
        with subprocess.Popen(
            self._command(arguments), env=environment, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
        ) as process:
            os.close(theirs)
            if typed:
                os.write(ours, typed.encode())
            out = _until_closed(ours)
            code = process.wait(SECONDS)
        os.close(ours)
        return Ran(code, out)


def _until_closed(descriptor: int) -> str:
    """What is written to a terminal until the last program in it ends."""
    out = b""
    while True:
        try:
            read = os.read(descriptor, CHUNK)
        except OSError as error:
            if error.errno == errno.EIO:  # what Linux says when the other end is closed
                break
            raise
        if not read:
            break
        out += read
    return out.decode("utf-8", "replace")
