"""Who is told? A receiver of HTTP that the test owns."""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from e2e.deploy.cluster import Json


class HttpReceiver:
    """Keeps what it is sent, unless it is down."""

    def __init__(
        self, *, status: int = 503, headers: Mapping[str, str] = MappingProxyType({}), seconds: float = 0.0
    ) -> None:
        """While it is down it answers with ``status`` and ``headers``; each answer takes it so many ``seconds``."""
        self.down = False
        self.seconds = seconds
        self.refused = 0
        self._status, self._headers, self._over = status, headers, threading.Event()
        self.bodies: list[Json] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Takes one document."""
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, headers = receiver._answer(body)
                receiver._over.wait(receiver.seconds)
                with suppress(ConnectionError):  # who asked has not waited
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as it is called
                """Says nothing."""

        return Handler

    def _answer(self, body: Json) -> tuple[int, Mapping[str, str]]:
        if self.down:
            self.refused += 1
            return self._status, self._headers
        self.bodies.append(body)
        return 202, {}

    @property
    def events(self) -> list[Json]:
        """The CloudEvents."""
        return [body for body in self.bodies if body.get("specversion") == "1.0"]

    @property
    def kinds(self) -> list[str]:
        """The kinds of notifications, as they came."""
        return [event["data"]["customData"]["kind"] for event in self.events]

    def times(self) -> Counter[str]:
        """How often each event came, by its id."""
        return Counter(event["id"] for event in self.events)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
