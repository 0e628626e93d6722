"""How is a container's process started: from nothing, or from an interpreter that waits with its imports done?"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

from e2e.sandbox.images.warm import MAX_MESSAGE

from .process import Process, Program, mount_script, start_program

if TYPE_CHECKING:
    from pathlib import Path

    from .api import Json

_LONGEST_WAIT_S = 60.0
_LOST_EXIT_CODE = -9
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

log = logging.getLogger(__name__)


class WarmChild:
    """A container that is a child of the warm interpreter, which tells of its end."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.born: asyncio.Future[int] = loop.create_future()
        self.ended: asyncio.Future[int] = loop.create_future()
        self.pid = 0

    @property
    def returncode(self) -> int | None:
        """The exit code, or minus the signal that ended it; None while it runs."""
        return self.ended.result() if self.ended.done() else None

    async def wait(self) -> int:
        """Wait for its end."""
        return await asyncio.shield(self.ended)


class Starter:
    """Starts containers; keeps one warm interpreter for the images that have an entry function."""

    def __init__(self, interpreter: tuple[str, ...] = (sys.executable, "-m", "e2e.sandbox.images.warm")) -> None:
        """`interpreter` is the command of the warm interpreter; the descriptor of its socket is added."""
        self._interpreter = interpreter
        self._orders: socket.socket | None = None
        self._ready = asyncio.Event()
        self._usable = True
        self._children: dict[int, WarmChild] = {}
        self._next = 0

    async def start(self, program: Program, output: Path) -> Process:
        """Start a program whose output is appended to a file; StartError if it does not exist."""
        if program.entry and self._usable and not program.has_own_root:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ready.wait(), _LONGEST_WAIT_S)
            if self._orders is not None:
                return await self._fork(self._orders, program, output)
        return await start_program(program, output)

    async def run(self) -> None:
        """Keep a warm interpreter until cancelled; without one, containers only start more slowly."""
        while await self._keep_one():
            log.warning("the warm interpreter ended and its containers with it; another one is started")
        log.error("the warm interpreter cannot be started: containers start more slowly")
        self._usable = False
        self._ready.set()
        await asyncio.Event().wait()

    async def _keep_one(self) -> bool:
        """Keep one until it ends; whether it was ever of use."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(0)
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(*self._interpreter, str(theirs.fileno())),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={**os.environ, **_ONE_THREAD},
            )
        try:
            with contextlib.suppress(ConnectionError):  # instead of an end of file, if it died with orders unread
                await self._listen(ours)
        finally:
            was_ready = self._ready.is_set()
            self._orders = None
            self._ready.clear()
            self._end_children()
            ours.close()
            await process.wait()
        return was_ready

    async def _listen(self, ours: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while packet := await loop.sock_recv(ours, MAX_MESSAGE):
            message: Json = json.loads(packet)
            if "ready" in message:
                self._orders = ours
                self._ready.set()
            elif "pid" in message:
                child = self._children[message["id"]]
                child.pid = message["pid"]
                child.born.set_result(child.pid)
            else:
                self._children.pop(message["id"]).ended.set_result(message["code"])

    def _end_children(self) -> None:
        for child in self._children.values():
            _kill(child.pid)  # nobody would tell of its end
            for future, value in ((child.born, 0), (child.ended, _LOST_EXIT_CODE)):
                if not future.done():
                    future.set_result(value)
        self._children.clear()

    async def _fork(self, orders: socket.socket, program: Program, output: Path) -> Process:
        child = WarmChild()
        self._next += 1
        self._children[self._next] = child
        order = {
            "id": self._next,
            "entry": program.entry,
            "argv": program.arguments,
            "env": dict(program.env),
            "cwd": program.cwd,
            "netns": f"/run/netns/{program.network.netns}",
            "script": mount_script(program),
            "output": str(output),
        }
        try:
            await asyncio.get_running_loop().sock_sendall(orders, json.dumps(order).encode())
            pid = await asyncio.shield(child.born)
        except asyncio.CancelledError:
            child.born.add_done_callback(lambda born: _kill(born.result()))
            raise
        except OSError:
            pid = 0
        return Process(child, program) if pid else await start_program(program, output)


def _kill(pid: int) -> None:
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
