"""How a pod reaches the Service of an InferenceService's other component."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from e2e.sandbox.node.api import WatchEvent
from e2e.sandbox.node.services import ServiceProxy

if TYPE_CHECKING:
    from tests.tools.node.conftest import FakeApi

KEY = ("prod", "fraud-1-predictor")


def slices(*endpoints: tuple[str, bool], port: int = 8080) -> dict[str, Any]:
    return {
        "metadata": {"namespace": KEY[0], "name": "a", "labels": {"kubernetes.io/service-name": KEY[1]}},
        "ports": [{"port": port}],
        "endpoints": [{"addresses": [ip], "conditions": {"ready": ready}} for ip, ready in endpoints],
    }


def test_only_ready_endpoints_count(api: FakeApi) -> None:
    proxy = ServiceProxy(api)
    proxy.see_slices(WatchEvent("SYNC", (slices(("10.244.0.2", True), ("10.244.0.3", False)),)))
    assert proxy.endpoints(KEY) == [("10.244.0.2", 8080)]
    proxy.see_slices(WatchEvent("MODIFIED", (slices(("10.244.0.3", True)),)))
    assert proxy.endpoints(KEY) == [("10.244.0.3", 8080)]
    proxy.see_slices(WatchEvent("DELETED", (slices(("10.244.0.3", True)),)))
    assert proxy.endpoints(KEY) == []


@pytest.mark.parametrize("ready", [True, False])
async def test_a_connection_is_carried_to_a_ready_endpoint_or_ends(api: FakeApi, *, ready: bool) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read(100)).upper())
        writer.close()
        await writer.wait_closed()

    proxy = ServiceProxy(api)
    backend = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = backend.sockets[0].getsockname()[1]
    proxy.see_slices(WatchEvent("SYNC", (slices(("127.0.0.1", ready), port=port),)))
    front = await asyncio.start_server(partial(proxy.forward, KEY), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*front.sockets[0].getsockname())
    writer.write(b"abc")
    try:
        answer = await asyncio.wait_for(reader.read(100), 5)
    except ConnectionError:
        answer = b""
    assert answer == (b"ABC" if ready else b"")
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    for server in (front, backend):
        server.close()
        await server.wait_closed()
    await asyncio.sleep(0)
