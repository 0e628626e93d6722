"""How is Prometheus asked? One range selector at an explicit time; series out, or an error by reaction.

``PrometheusConnect`` keeps only ``data.result`` of an answer: the result type and the warnings (partial data)
are lost, an error answer becomes a ``KeyError``, and 429/503 keep a thread for seconds. So the envelope is read
here, on the same session, with its retries off and hard time limits.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import requests
import urllib3
from prometheus_api_client import PrometheusConnect
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from serin.errors import MalformedAnswer, MetricsUnavailable, QueryRejected
from serin.prometheus.series import Series

MAX_BYTES = 32 * 1024 * 1024
SHOWN = 200


class EnvelopeConnect(PrometheusConnect):  # type: ignore[misc] # the library has no type information
    """PrometheusConnect with the whole answer instead of its result alone."""

    def envelope(self, query: str, at: datetime, deadline: float) -> tuple[int, bytes]:
        """Status and body (bounded) of an instant query at ``at``."""
        params: dict[str, str] = {
            "query": query,
            "time": f"{at.timestamp():.3f}",
            "timeout": f"{max(1, math.floor(deadline))}s",
        }
        with self._session.post(
            f"{self.url}/api/v1/query",
            data=params,
            timeout=(2.0, deadline),
            allow_redirects=False,
            stream=True,
        ) as answer:
            return answer.status_code, _bounded(answer, time.monotonic() + deadline)


def _bounded(answer: requests.Response, until: float) -> bytes:
    """The body, a little over ``MAX_BYTES`` of it at most, until the deadline: sockets' time-outs are per read."""
    body = bytearray()
    for chunk in answer.iter_content(64 * 1024):
        body += chunk
        if len(body) > MAX_BYTES:
            break
        if time.monotonic() > until:
            message = "the answer came too slowly"
            raise requests.Timeout(message)
    return bytes(body)


class Prometheus:
    """One Prometheus server, asked in at most ``concurrency`` threads."""

    def __init__(self, url: str, *, concurrency: int = 4, deadline: float = 5.0) -> None:
        self._url, self._deadline = url.rstrip("/"), deadline
        session = requests.Session()
        session.trust_env = False  # a .netrc entry would replace our own credentials
        self._connect = EnvelopeConnect(self._url, session=session, retry=Retry(0))
        session.mount(self._url, HTTPAdapter(pool_maxsize=concurrency, pool_block=True, max_retries=Retry(0)))
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="prometheus")
        self._gate = asyncio.Semaphore(concurrency)

    async def matrix(self, query: str, at: datetime) -> list[Series]:
        """Raw samples of a range selector; ``QueryRejected``, ``MetricsUnavailable`` or ``MalformedAnswer``."""
        return parse(self._url, *await self._ask(query, at))

    async def values(self, query: str, at: datetime) -> list[float]:
        """The values of an expression at an instant, one per series; NaN is left out; errors as ``matrix``."""
        return parse_values(self._url, *await self._ask(query, at))

    async def _ask(self, query: str, at: datetime) -> tuple[int, bytes]:
        loop = asyncio.get_running_loop()
        try:
            async with self._gate, asyncio.timeout(self._deadline + 3):
                status, body = await loop.run_in_executor(self._pool, self._connect.envelope, query, at, self._deadline)
        except TimeoutError as error:
            message = f"{self._url}: no answer within {self._deadline:.0f} s"
            raise MetricsUnavailable(message) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            message = f"{self._url}: {type(error).__name__}"
            raise MetricsUnavailable(message) from error
        return status, body

    def close(self) -> None:
        """Ends the threads; a query under way is left to its own time limit."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._connect.close()


def parse(url: str, status: int, body: bytes) -> list[Series]:
    """The series of an answer of ``/api/v1/query`` to a range selector."""
    data = _data(url, status, body)
    if data.get("resultType") != "matrix" or not isinstance(data.get("result"), list):
        message = f"{url}: a matrix was asked for, this came back: {_said(None, body)}"
        raise MalformedAnswer(message)
    try:
        return [_series(item) for item in data["result"]]
    except (KeyError, TypeError, ValueError) as error:
        message = f"{url}: a series cannot be read: {error}"
        raise MalformedAnswer(message) from error


def parse_values(url: str, status: int, body: bytes) -> list[float]:
    """The values of an answer of ``/api/v1/query`` to an expression."""
    data = _data(url, status, body)
    try:
        if data["resultType"] == "scalar":
            found = [float(data["result"][1])]
        elif data["resultType"] == "vector":
            found = [float(item["value"][1]) for item in data["result"]]
        else:
            message = f"{url}: a vector was asked for, this came back: {_said(None, body)}"
            raise MalformedAnswer(message)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        message = f"{url}: a value cannot be read: {error}"
        raise MalformedAnswer(message) from error
    return [value for value in found if math.isfinite(value)]


def _data(url: str, status: int, body: bytes) -> Mapping[str, Any]:
    """What a successful answer holds; else the error that fits."""
    if len(body) > MAX_BYTES:
        message = f"{url}: the answer is larger than {MAX_BYTES} bytes"
        raise MalformedAnswer(message)
    answer = _json(url, status, body)
    if status == 429 or status >= 500:  # noqa: PLR2004 - HTTP
        message = f"{url}: status {status}: {_said(answer, body)}"
        raise MetricsUnavailable(message)
    if status != 200 or answer is None or answer.get("status") != "success":  # noqa: PLR2004
        message = f"{url}: status {status}: {_said(answer, body)}"
        raise QueryRejected(message)
    if answer.get("warnings"):
        message = f"{url}: the answer is partial: {str(answer['warnings'])[:SHOWN]}"
        raise MetricsUnavailable(message)
    data = answer.get("data")
    if not isinstance(data, Mapping):
        message = f"{url}: no data in the answer, e.g. a matrix: {_said(None, body)}"
        raise MalformedAnswer(message)
    return data


def _json(url: str, status: int, body: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(body)
    except ValueError as error:
        if status == 200:  # noqa: PLR2004
            message = f"{url}: the answer is not JSON (a login page?): {_said(None, body)}"
            raise MalformedAnswer(message) from error
        return None
    return answer if isinstance(answer, dict) else None


def _said(answer: Mapping[str, Any] | None, body: bytes) -> str:
    text = str(answer.get("error", "")) if answer else body[:SHOWN].decode(errors="replace")
    return " ".join(text.split())[:SHOWN]


def _series(item: Mapping[str, Any]) -> Series:
    samples = [(float(t), float(v)) for t, v in item["values"]]
    kept = [(t, v) for t, v in samples if math.isfinite(v)]
    return Series(dict(item["metric"]), [t for t, _ in kept], [v for _, v in kept])
