"""Where do traces go? A real Jaeger with its memory for a store, and what its query API answers."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import httpx

from e2e.deploy.process import free_ports
from e2e.scenarios.local_server import LocalServer

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.deploy.cluster import Json

PORTS = (
    "query.http-server",
    "query.grpc-server",
    "collector.http-server",
    "collector.grpc-server",
    "collector.otlp.grpc",
    "collector.otlp.http",
    "admin.http",
)


class Jaeger(LocalServer):
    """One process with everything in it."""

    name = "jaeger"

    def __init__(self, binary: Path, folder: Path) -> None:
        super().__init__(folder)
        self._binary = binary
        self._at = {name: f"127.0.0.1:{port}" for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}
        self.url = f"http://{self._at['query.http-server']}"

    @property
    def endpoint(self) -> str:
        """Where OTLP over HTTP is taken."""
        return f"http://{self._at['collector.otlp.http']}"

    @property
    def ready_url(self) -> str:
        """Its query API."""
        return f"{self.url}/api/services"

    @property
    def environment(self) -> dict[str, str]:
        """Nothing but what it needs; it would trace itself otherwise."""
        kept = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
        return kept | {"SPAN_STORAGE_TYPE": "memory", "OTEL_TRACES_SAMPLER": "always_off"}

    def command(self) -> list[str]:
        """All of its addresses are on loopback."""
        return [str(self._binary), *(f"--{name}.host-port={where}" for name, where in self._at.items())]

    def traces(self, **tags: str) -> list[Json]:
        """The traces of Serin that have a span with these tags, the newest first."""
        words = httpx.QueryParams({"service": "serin", "limit": 500, "lookback": "1h", "tags": json.dumps(tags)})
        return list(self._ask(f"traces?{words}") or [])

    def trace(self, trace_id: str) -> list[Json]:
        """The spans of one trace; empty if there is none."""
        found = self._ask(f"traces/{trace_id}")
        return list(found[0]["spans"]) if found else []

    def _ask(self, path: str) -> list[Json] | None:
        answer = httpx.get(f"{self.url}/api/{path}", timeout=10, trust_env=False)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        found: list[Json] | None = answer.raise_for_status().json()["data"]
        return found
