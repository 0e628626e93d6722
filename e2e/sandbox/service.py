"""What is a part of the sandbox, how is it started, watched and stopped, and what does it say when it fails?"""

from __future__ import annotations

import asyncio
import signal
import time
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from e2e.sandbox.cluster import until
from e2e.sandbox.errors import PartError
from e2e.sandbox.namespace import environment

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from e2e.sandbox.reaper import Reaper

TAIL_LINES = 10
READY_SECONDS = 120.0
STOP_SECONDS = 10.0


class PartState(StrEnum):
    """Where a part is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Service:
    """A part as declared: what to run, what must be ready before, how one knows that it is ready."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[], Awaitable[bool]]
    needs: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """Something to be done once between parts, e.g. applying objects. Later ones name it in their ``needs``."""

    name: str
    run: Callable[[], Awaitable[None]]
    needs: tuple[str, ...] = ()


class Part:
    """A declared part and its process, if it has one."""

    def __init__(self, service: Service, *, log: Path, cwd: Path, reaper: Reaper) -> None:
        self.service = service
        self.state = PartState.WAITING
        self.detail = ""
        self.seconds: float | None = None
        self._log = log
        self._cwd = cwd
        self._reaper = reaper
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process number inside the namespaces while it runs."""
        return self._process.pid if self._process is not None and not self._ended.is_set() else None

    def describe(self) -> dict[str, Any]:
        """The part for the control socket."""
        return {
            "name": self.service.name,
            "state": self.state.value,
            "pid": self.pid,
            "seconds": self.seconds,
            "detail": self.detail,
        }

    async def start(self) -> None:
        """Start the process and wait until it is ready. PartError with its last lines if that fails."""
        if self.state is PartState.READY:
            return
        if self.pid is not None:
            raise PartError(f"{self.service.name} is already being started.")
        self.state, self.detail, self.seconds = PartState.STARTING, "", None
        self._ended.clear()
        started = time.monotonic()
        with self._log.open("ab") as log:
            async with self._reaper.spawning():
                self._process = await asyncio.create_subprocess_exec(
                    *self.service.command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self._cwd,
                    env=environment(**self.service.environment),
                )
                self._reaper.own(self._process.pid)
        self._watch = asyncio.create_task(self._watch_end(self._process))
        await self._until_ready()
        self.state, self.seconds = PartState.READY, round(time.monotonic() - started, 2)

    async def stop(self, *, grace_seconds: float = STOP_SECONDS) -> None:
        """End the process, by force after ``grace_seconds``; return when it is gone."""
        self.state, self.detail = PartState.STOPPED, ""
        process, watch = self._process, self._watch
        if process is None or watch is None or self._ended.is_set():
            return
        for number, bound in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, None)):
            try:
                process.send_signal(number)
                async with asyncio.timeout(bound):
                    await self._ended.wait()
            except ProcessLookupError:
                await self._ended.wait()
            except TimeoutError:
                continue
            return

    async def _until_ready(self) -> None:
        async def ready_or_ended() -> bool:
            return self._ended.is_set() or await self.service.ready()

        try:
            await until(ready_or_ended, what=f"{self.service.name} did not become ready", seconds=READY_SECONDS)
        except PartError as error:
            await self.stop()
            self._fail(str(error))
            raise PartError(self.detail) from error
        if self._ended.is_set():
            raise PartError(self.detail or f"{self.service.name} was stopped before it was ready.")

    async def _watch_end(self, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        self._reaper.disown(process.pid)
        if self.state is not PartState.STOPPED:
            reason = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            self._fail(f"{self.service.name} ended by itself ({reason}).")
        self._ended.set()

    def _fail(self, sentence: str) -> None:
        lines = tail(self._log)
        self.state = PartState.FAILED
        self.detail = "\n".join([f"{sentence} Its last log lines:", *(f"    {line}" for line in lines)])


def tail(log: Path, lines: int = TAIL_LINES) -> list[str]:
    """The last lines of a log; none if there is no log."""
    try:
        with log.open(encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\n") for line in deque(file, maxlen=lines)]
    except OSError:
        return []
