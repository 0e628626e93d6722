"""Who is told? A receiver of HTTP that the test owns, and an Alertmanager that is routed to it."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import httpx
import yaml

from e2e.deploy.cluster import wait_until

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from e2e.deploy.cluster import Json


class HttpReceiver:
    """Keeps what it is sent; answers 503 while it is down."""

    def __init__(self) -> None:
        self.down = False
        self.refused = 0
        self.bodies: list[Json] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Takes one document."""
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if receiver.down:
                    receiver.refused += 1
                    self.send_error(503)
                    return
                receiver.bodies.append(body)
                self.send_response(202)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as it is called
                """Says nothing."""

        return Handler

    @property
    def events(self) -> list[Json]:
        """The CloudEvents."""
        return [body for body in self.bodies if body.get("specversion") == "1.0"]

    @property
    def kinds(self) -> list[str]:
        """The kinds of notifications, as they came."""
        return [event["data"]["customData"]["kind"] for event in self.events]

    @property
    def alerts(self) -> list[Json]:
        """What Alertmanager sent."""
        return [alert for body in self.bodies for alert in body.get("alerts", [])]

    def times(self) -> Counter[str]:
        """How often each event came, by its id."""
        return Counter(event["id"] for event in self.events)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class Alertmanager:
    """A real Alertmanager that sends everything to one webhook."""

    def __init__(self, binary: Path, folder: Path, webhook: str) -> None:
        self._binary, self._folder, self._webhook = binary, folder, webhook
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        self._process: subprocess.Popen[bytes] | None = None

    def active(self) -> dict[str, Json]:
        """The alerts that it has now, by name."""
        found = httpx.get(f"{self.url}/api/v2/alerts", timeout=5, trust_env=False).json()
        return {alert["labels"]["alertname"]: alert for alert in found}

    def __enter__(self) -> Self:
        config = {
            "route": {
                "receiver": "test",
                "group_by": ["namespace", "model_deployment", "alertname"],
                "group_wait": "1s",
                "group_interval": "2s",
            },
            "receivers": [{"name": "test", "webhook_configs": [{"url": self._webhook, "send_resolved": True}]}],
        }
        (self._folder / "alertmanager.yaml").write_text(yaml.safe_dump(config))
        with (self._folder / "alertmanager.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    str(self._binary),
                    f"--config.file={self._folder / 'alertmanager.yaml'}",
                    f"--storage.path={self._folder / 'alertmanager'}",
                    f"--web.listen-address={self.url.removeprefix('http://')}",
                    "--cluster.listen-address=",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._ready, what="Alertmanager is ready", seconds=60)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False
