"""A Prometheus on loopback that answers as a test says, for tests of faults on real sockets and with real TLS."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from serin.prometheus.server.client import Prometheus
from serin.prometheus.server.credentials import Server

QUERY = 'requests_total{namespace="prod"}[75s]'
DEADLINE = 5.0
SHORT = 1.0
"""Seconds, for faults that use the deadline up."""
MOST = 100_000
TOKEN = "s3cr3t/to+ken=="
PASSWORD = 'pass"w/o rd&1'
TENANT = "tenant-4711"
SECRETS = (TOKEN, PASSWORD, TENANT)


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    line: str
    headers: Message
    body: bytes


class Handler(BaseHTTPRequestHandler):
    """One connection; the test's function answers each request."""

    protocol_version = "HTTP/1.1"
    server: FaultyServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append(Request(f"{self.command} {self.path}", self.headers, body))
        self.server.script(self)

    def log_message(self, *args: Any) -> None:
        """Says nothing."""

    def answer(self, status: int, body: bytes, /, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def raw(self, sent: bytes) -> None:
        """Bytes as they are, and the end of the connection."""
        self.wfile.write(sent)
        self.close_connection = True


Script = Callable[[Handler], None]


class FaultyServer(ThreadingHTTPServer):
    """Listens while a ``with`` block lasts."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, script: Script, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.requests = script, list[Request]()
        self.over = threading.Event()
        """Set at the end: what dribbles or sleeps stops."""
        self._scheme = "https" if context else "http"
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, name="faulty")

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.server_port}"

    def handle_error(self, *args: Any) -> None:
        """Clients that hang up are what is tested."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self.over.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


def body(result: object = (), kind: str = "matrix", **more: object) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}, **more}).encode()


def one(*values: object, key: str = "values") -> list[dict[str, object]]:
    return [{"metric": {"__name__": "x"}, key: values}]


GOOD = body(one([1.5, "3"], [2.5, "4"]))


def says(status: int, sent: bytes = b"", **headers: str) -> Script:
    return lambda handler: handler.answer(status, sent, **headers)


def error(status: int, kind: str, words: str, **headers: str) -> Script:
    return says(status, json.dumps({"status": "error", "errorType": kind, "error": words}).encode(), **headers)


def sends(raw: bytes) -> Script:
    return lambda handler: handler.raw(raw)


def silent(handler: Handler) -> None:
    handler.server.over.wait(20)
    handler.close_connection = True


@asynccontextmanager
async def asking(server: Server, deadline: float = DEADLINE, **more: Any) -> AsyncIterator[Prometheus]:
    prometheus = Prometheus(server, deadline=deadline, max_bytes=MOST, concurrency=2, **more)
    try:
        yield prometheus
    finally:
        prometheus.close()
        await until_no_thread_is_left()


async def until_no_thread_is_left() -> None:
    end = time.monotonic() + 5
    while left := [t.name for t in threading.enumerate() if t.name.startswith("prometheus")]:
        assert time.monotonic() < end, left
        await asyncio.sleep(0.01)


def credentials(folder: Path, url: str, kind: str) -> Server:
    files = {"tokenFile": TOKEN, "passwordFile": f"{PASSWORD}\n", "usernameFile": "serin", "tenantFile": TENANT}
    for name, content in files.items():
        (folder / name).write_text(content)
    proof = (
        {"basic": {name: folder / name for name in ("usernameFile", "passwordFile")}}
        if kind == "basic"
        else {"bearerTokenFile": folder / "tokenFile"}
    )
    tenant = {"valueFile": folder / "tenantFile"}
    return Server.model_validate({"url": url, "plainHttp": True, "tenant": tenant, **proof})


def is_told(message: str, server: Server, words: str = "") -> None:
    assert message.startswith(f"{server.url}: ")
    assert message.endswith(f"; query: {QUERY}")
    assert words in message
    assert len(message) < 1000
    assert message.isprintable()
    assert not any(secret in message for secret in SECRETS)
