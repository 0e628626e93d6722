from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.sandbox import relay
from e2e.sandbox.cluster import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@asynccontextmanager
async def relayed(handler: Handler) -> AsyncIterator[int]:
    """The port of a relay to a server with this handler."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        finally:
            writer.close()

    inner = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=512)
    listener = socket.create_server(("127.0.0.1", 0))
    outer = await relay.serve(listener, partial(inner.sockets[0].getsockname))
    port = listener.getsockname()[1]
    before = open_files()
    try:
        yield port

        async def all_closed() -> bool:
            return open_files() <= before

        await until(all_closed, what="the relay keeps connections that ended", seconds=5)
    finally:
        outer.close()
        inner.close()


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers only when the client has finished: without half-close it would wait for ever."""
    writer.write((await reader.read()).upper())
    await writer.drain()


async def test_a_closed_direction_is_passed_on_and_the_other_goes_on() -> None:
    async with relayed(shout) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello")
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 5) == b"HELLO"
        writer.close()


async def test_many_connections_at_once_do_not_mix() -> None:
    async def one(number: int, port: int) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"client {number}".encode())
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return answer == f"CLIENT {number}".encode()

    async with relayed(shout) as port:
        assert all(await asyncio.wait_for(asyncio.gather(*(one(number, port) for number in range(300))), 20))


async def test_a_slow_reader_slows_the_writer_instead_of_filling_memory() -> None:
    sent = 0

    async def pour(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        for _ in range(1000):
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with relayed(pour) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        before = -1
        while before != sent:  # until it does not move any more: nobody reads
            before = sent
            await asyncio.sleep(0.2)
        assert sent < 30_000_000
        received = 0
        while block := await asyncio.wait_for(reader.read(1 << 20), 5):
            received += len(block)
        assert received == 1000 * 65536
        writer.close()


async def test_data_sent_before_the_inner_side_is_connected_is_not_lost() -> None:
    async with relayed(shout) as port:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"at once")
            client.shutdown(socket.SHUT_WR)
            client.settimeout(0)
            assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 100), 5) == b"AT ONCE"


async def test_what_is_refused_inside_is_refused_outside() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    listener = socket.create_server(("127.0.0.1", 0))
    outer = await relay.serve(listener, lambda: ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.getsockname()[1])
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.readexactly(1), 5)
    writer.close()
    outer.close()


async def test_each_connection_goes_where_the_door_leads_when_it_comes() -> None:
    async with relayed(shout) as first:
        doors = {"gateway": ("127.0.0.1", 1)}
        listener = socket.create_server(("127.0.0.1", 0))
        outer = await relay.serve(listener, partial(doors.__getitem__, "gateway"))
        doors["gateway"] = ("127.0.0.1", first)
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.getsockname()[1])
        writer.write(b"moved")
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 5) == b"MOVED"
        writer.close()
        outer.close()


async def test_a_client_that_goes_away_ends_the_inner_connection() -> None:
    ended = asyncio.Event()

    async def watch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"event\n")
        await reader.read()
        ended.set()

    async with relayed(watch) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.readline() == b"event\n"
        writer.close()
        await asyncio.wait_for(ended.wait(), 5)


async def test_a_server_that_speaks_first_is_heard() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"welcome\n")
        await reader.read()

    async with relayed(greet) as port:
        for _ in range(50):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await asyncio.wait_for(reader.readline(), 5) == b"welcome\n"
            writer.close()
