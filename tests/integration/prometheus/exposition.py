"""A pod's metrics as it would export them: one histogram, as text or as protobuf with exponential buckets."""

from __future__ import annotations

import math
import struct
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

BOUNDARIES = (0.1, 0.25, 0.5, 1.0)
NAME = "my_seconds"
PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
SCHEMA = 3
"""Eight buckets for every power of two."""


class Pod:
    """Counts observations until it is restarted; knows what it has seen altogether, and how often it was scraped."""

    def __init__(self) -> None:
        self._observations: list[float] = []
        self.seen: list[float] = []
        self.scrapes: Counter[str] = Counter()

    def observe(self, seconds: float) -> None:
        """One request."""
        self._observations.append(seconds)
        self.seen.append(seconds)

    def restart(self) -> None:
        """Its counters begin at 0 again."""
        self._observations = []

    def text(self) -> bytes:
        """Classic buckets in the text format."""
        own = list(self._observations)
        lines = [f"# TYPE {NAME} histogram"]
        lines += [f'{NAME}_bucket{{le="{bound}"}} {sum(o <= bound for o in own)}' for bound in BOUNDARIES]
        lines += [f'{NAME}_bucket{{le="+Inf"}} {len(own)}', f"{NAME}_sum {sum(own)}", f"{NAME}_count {len(own)}", ""]
        return "\n".join(lines).encode()

    def protobuf(self) -> bytes:
        """The message MetricFamily with a native histogram in it."""
        own = list(self._observations)
        buckets = Counter(math.ceil(math.log2(o) * 2**SCHEMA - 1e-9) for o in own)
        histogram = _number(1, len(own)) + _double(2, sum(own)) + _number(5, _zigzag(SCHEMA)) + _double(6, 2**-128)
        histogram += _number(7, 0)
        end = before = 0
        spans = deltas = b""
        for index in sorted(buckets):
            spans += _bytes(12, _number(1, _zigzag(index - end)) + _number(2, 1))
            deltas += _number(13, _zigzag(buckets[index] - before))
            end, before = index + 1, buckets[index]
        # A span without buckets: without it an empty native histogram would look like a classic one.
        histogram += (spans or _bytes(12, _number(1, 0) + _number(2, 0))) + deltas
        family = _bytes(1, NAME.encode()) + _bytes(2, b"x") + _number(3, 4) + _bytes(4, _bytes(7, histogram))
        return _varint(len(family)) + family


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _zigzag(value: int) -> int:
    return 2 * value if value >= 0 else -2 * value - 1


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


class Exposition(ThreadingHTTPServer):
    """Serves pods under ``/<pod>/<form>`` while a ``with`` block lasts; form ``exponential`` is protobuf."""

    daemon_threads = True

    def __init__(self, pods: dict[str, Pod]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pods = pods

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Exposition

    def do_GET(self) -> None:
        _, name, form = self.path.split("/")
        pod = self.server.pods[name]
        is_binary = form == "exponential"
        body = pod.protobuf() if is_binary else pod.text()
        self.send_response(200)
        self.send_header("Content-Type", PROTOBUF if is_binary else "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        pod.scrapes[form] += 1

    def log_message(self, *args: Any) -> None:
        """Says nothing."""
