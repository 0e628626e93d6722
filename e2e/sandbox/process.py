"""How is a build command run so that its failure can be told in one message and an interrupt leaves nothing behind?

Standard library only.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from e2e.sandbox.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

TAIL_LINES = 12
GRACE_SECONDS = 10.0
TURN_SECONDS = 0.5
NETWORK_SIGNS = (
    "dial tcp", "no such host", "connection refused", "connection reset", "i/o timeout", "tls:", "x509:",
    "proxyconnect", "403 forbidden", "407 proxy", "502 bad gateway", "503 service", "unrecognized import path",
    "network is unreachable", "name or service not known", "temporary failure in name resolution",
    "could not find a version", "max retries exceeded", "timed out", "read timeout", "unexpected eof",
)  # fmt: skip


def run_logged(name: str, command: Sequence[str], *, cwd: Path, log: Path, environment: Mapping[str, str]) -> str:
    """Run a command in a process group of its own and return its standard output; its errors go to ``log``.

    BuildError with the command, its last lines and what to do, if it fails. Any exception, an interrupt
    included, ends the whole group first.
    """
    answer = log.with_suffix(".out")
    with answer.open("wb") as output, log.open("wb") as errors, _held_interrupts() as let_go:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
        try:
            let_go()
            _wait(process)
        except BaseException:
            end_group(process)
            raise
    if process.returncode != 0:
        raise BuildError(explain_failure(name, command, process.returncode, log.read_text("utf-8", errors="replace")))
    return answer.read_text("utf-8")


@contextmanager
def _held_interrupts() -> Iterator[Callable[[], None]]:
    """Interrupts wait until the block calls what it is given, or ends.

    Python raises them anywhere, also while a process is being started: it runs by then, and nobody knows it yet.
    """
    if threading.current_thread() is not threading.main_thread():  # interrupts never come here
        yield lambda: None
        return
    found = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    raising = {number: handler for number, handler in found.items() if callable(handler)}
    came: list[int] = []

    def let_go() -> None:
        # All of them each time: an interrupt may end this half-way, and it is called once more in the end.
        for number, handler in raising.items():
            signal.signal(number, handler)
        while came:
            signal.raise_signal(came.pop())

    try:
        for number in raising:
            signal.signal(number, lambda which, _: came.append(which))
        yield let_go
    finally:
        let_go()


def _wait(process: subprocess.Popen[bytes]) -> None:
    """Wait in short turns: a signal that arrives just before an endless wait would not end it."""
    while True:
        try:
            process.wait(TURN_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        return


def explain_failure(name: str, command: Sequence[str], code: int, log: str) -> str:
    """The one message about a failed build command."""
    lines = [line for line in log.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("go: downloading")] or lines
    tail = "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])
    lowered = log.lower()
    if "no space left on device" in lowered:
        cause = "The disk is full. While building, the cache folder needs about 10 GiB; afterwards 0.6 GiB."
    elif any(sign in lowered for sign in NETWORK_SIGNS):
        cause = "This looks like the network: a package registry could not be reached, or it refused."
    elif code == -signal.SIGKILL:
        cause = "The command was killed, as the kernel does when memory runs out. Building needs about 2 GiB."
    elif code < 0:
        cause = f"Somebody ended the command ({signal.Signals(-code).name})."
    else:
        cause = f"The command failed (exit code {code})."
    variable = "SERIN_" + name.upper().replace("-", "_")
    explicit = f"\n  - a binary you already have: set {variable}=/path/to/{name}" if name.islower() else ""
    return (
        f"{name} could not be built. {cause}\n"
        f"  command: {shlex.join(command)}\n"
        f"  its last lines:\n{tail or '    (none)'}\n"
        "What helps:\n"
        "  - a mirror: set GOPROXY (Go modules) or PIP_INDEX_URL (Python packages), HTTPS_PROXY if you have one"
        f"{explicit}\n"
        "  - another machine: build there and copy its folder ~/.cache/serin/sandbox here\n"
        "Then run the same command again: it goes on where it stopped."
    )


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a group, and the group with it; return when the leader is gone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(GRACE_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        return
