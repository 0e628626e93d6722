"""How is a running sandbox asked and told things?  One JSON line each way over a socket in its state folder."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from typing import TYPE_CHECKING, Any

from e2e.sandbox.errors import NotRunningError, PartError, SandboxError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    Handler = Callable[[str, str], Awaitable[dict[str, Any]]]

ANSWER_SECONDS = 90.0


def ask(path: Path, command: str, part: str = "", *, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
    """Send one command and return its answer.

    NotRunningError if nobody listens, PartError with the sandbox's words if it refuses.
    """
    request = json.dumps({"command": command, "part": part}).encode() + b"\n"
    try:
        # By way of the open folder, since the full path may be longer than a socket's name can be.
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(seconds)
                connection.connect(f"/proc/self/fd/{folder}/{path.name}")
                connection.sendall(request)
                with connection.makefile("rb") as lines:
                    line = lines.readline()
        finally:
            os.close(folder)
    except TimeoutError as error:
        raise SandboxError(f"The sandbox did not answer {command!r} within {seconds:.0f} s.") from error
    except OSError as error:
        raise NotRunningError("The sandbox is not running (nobody listens on its control socket).") from error
    if not line:
        raise NotRunningError("The sandbox ended while it was asked.")
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise PartError(answer["error"])
    return answer


async def listen(name: str, handle: Handler) -> asyncio.Server:
    """Answer commands on a socket called ``name`` in the current folder, each with ``handle(command, part)``."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(await reader.readline())
            try:
                answer = await handle(request["command"], request["part"])
            except SandboxError as error:
                answer = {"error": str(error)}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        except (ValueError, KeyError, ConnectionError):
            pass  # not one of ours, or it did not wait for the answer
        finally:
            writer.close()

    return await asyncio.start_unix_server(serve, path=name)
