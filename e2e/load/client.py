"""How is one prediction asked for, and who answered it?

Knows the V2 inference protocol (POST /v2/models/NAME/infer) and nothing about pace, logs or Kubernetes.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Self

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

VERSION_HEADER = "x-model-version"
# Shorter than any server's idle timeout: no request is sent on a connection that is being closed.
KEEP_ALIVE_SECONDS = 10.0


def infer_body(features: Sequence[float]) -> bytes:
    """A V2 inference request for one row of features."""
    tensor = {"name": "input-0", "shape": [1, len(features)], "datatype": "FP64", "data": list(features)}
    return json.dumps({"inputs": [tensor]}).encode()


def answered_by(header: str | None, body: bytes) -> str:
    """The version that answered: the response header, else ``model_version`` of the body, else nothing."""
    if header is not None:
        return header
    try:
        answer = json.loads(body)
    except ValueError:
        return ""
    return str(answer.get("model_version") or "") if isinstance(answer, dict) else ""


class PredictionClient:
    """Keep-alive connections to a gateway, asking one model for predictions."""

    def __init__(self, gateway: str, host: str, model: str, body: bytes, *, limit: int, timeout: float) -> None:
        self._url = f"{gateway.rstrip('/')}/v2/models/{model}/infer"
        self._headers = {"Host": host, "Content-Type": "application/json"}
        self._body = body
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=limit, keepalive_timeout=KEEP_ALIVE_SECONDS),
            timeout=aiohttp.ClientTimeout(total=timeout),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def ask(self) -> tuple[int, str, str]:
        """One prediction: ``(status, version, error)``; every failure is a result, none is raised."""
        try:
            async with self._session.post(self._url, data=self._body) as response:
                body = await response.read()
                return response.status, answered_by(response.headers.get(VERSION_HEADER), body), ""
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            return 0, "", type(error).__name__

    async def timed(self) -> tuple[float, float, int, str, str]:
        """``ask`` with the time of sending (epoch) and the seconds it took in front."""
        sent, start = time.time(), time.perf_counter()
        status, version, error = await self.ask()
        return sent, time.perf_counter() - start, status, version, error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()
