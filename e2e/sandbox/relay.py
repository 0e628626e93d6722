"""How do connections to the host's 127.0.0.1 reach a part inside the namespaces, unchanged in every respect?

Bytes are passed on as they come; a closed direction is closed on the other side and the other direction goes on
(half-close); a slow reader slows the writer (no growing buffers); an abort is passed on as an abort.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Callable


Target: TypeAlias = "Callable[[], tuple[str, int]]"
"""Host and port."""


class _End(asyncio.Protocol):
    """One side of a relayed connection; ``other`` is the opposite side."""

    def __init__(self, other: _End | None = None) -> None:
        self.transport: asyncio.Transport | None = None
        self.other = other
        self.finished = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        self.finished = True
        if self.other is None or self.other.transport is None:
            return True
        if self.other.finished:  # both directions are closed
            self.other.transport.close()
            return False
        self.other.transport.write_eof()
        return True  # keep our writing half open

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            if exc is None:
                self.other.transport.close()
            else:
                _reset(self.other.transport)
        self.other = None


class _Accepted(_End):
    """The host's side. What arrives before the inner side is connected is kept for it."""

    def __init__(self, target: Target, pending: set[asyncio.Task[None]]) -> None:
        super().__init__()
        self._target = target
        self._pending = pending
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        task = asyncio.get_running_loop().create_task(self._connect(cast("asyncio.Transport", transport)))
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            super().data_received(data)
            return
        self._early.append(data)
        if self.transport is not None:
            # Not before there is data: Python 3.11.2, for one, forgets a pause that connection_made asks for.
            self.transport.pause_reading()

    async def _connect(self, outer: asyncio.Transport) -> None:
        inner = _End(other=self)  # known to it from the start: it may speak first
        try:
            transport, _ = await asyncio.get_running_loop().create_connection(lambda: inner, *self._target())
        except OSError:
            _reset(outer)  # what is refused inside is refused outside
            return
        if outer.is_closing():
            transport.abort()
            return
        self.other = inner
        transport.writelines(self._early)
        self._early.clear()
        if self.finished:
            transport.write_eof()
        outer.resume_reading()


def _reset(transport: asyncio.Transport) -> None:
    """Close so that the peer gets an error, not what looks like a regular end."""
    with suppress(OSError):  # it may be closed already
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def serve(listener: socket.socket, target: Target) -> asyncio.Server:
    """Relay every connection that arrives on ``listener`` to where ``target`` says at that moment."""
    pending: set[asyncio.Task[None]] = set()
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _Accepted(target, pending), sock=listener, backlog=512)
