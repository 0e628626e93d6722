"""How does a query travel? One POST with hard limits on time and size; what came back, whatever it is.

This is the one module around ``prometheus-api-client``. ``PrometheusConnect`` keeps the address, the session and its
end; its queries are not used, because they lose what a judge needs (measured on 0.7.2):

* the result type and ``warnings`` (partial data): only ``data.result`` is returned. Here: the whole body;
* errors by class: 4xx and 5xx are one exception with the status in its text, 200 with ``status: error`` is a
  ``KeyError``, a login page a ``JSONDecodeError``. Here: the status, for `answer` to judge;
* time: no limit by default, four tries with pauses of seconds in the thread for 429 and 503. Here: no retries below,
  and one limit for the whole exchange;
* rotation: headers are fixed when it is made. Here: read for every request.
"""

from __future__ import annotations

import io
import logging
import socket
import ssl
import time
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from http.client import HTTPException, HTTPResponse
from typing import Any

import requests
from prometheus_api_client import PrometheusConnect
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as Urllib3Timeout
from urllib3.response import HTTPResponse as Urllib3Response
from urllib3.util import Retry, Timeout

from serin.errors import InvalidInput, MetricsUnavailable
from serin.prometheus.server.answer import Answer
from serin.prometheus.server.credentials import Server, credentials_of
from serin.prometheus.server.redaction import Redactor

CONNECT_SECONDS = 2.0
"""For one address of a server; a name may have several."""
MAX_BYTES = 16 * 1024 * 1024
"""Of an answer, unpacked: nearly twice what 200 series with 30 minutes of samples, one a second, take."""
CHUNK = 64 * 1024


class Transport:
    """Asks one server; to be used by at most ``concurrency`` threads at a time."""

    def __init__(self, server: Server, concurrency: int, max_bytes: int = MAX_BYTES) -> None:
        self._server, self._max_bytes = server, max_bytes
        session = _Session()
        session.trust_env = False  # no .netrc, which would replace our credentials, and no proxies
        session.headers.update({"User-Agent": "serin", "Accept-Encoding": "gzip"})
        self._connect = _Envelope(server.url, session=session, retry=Retry(0))
        session.mount(server.url, _Adapter(concurrency, server.tls.server_name if server.tls else None))
        # Its one warning quotes headers that a server sent, and those may echo ours.
        logging.getLogger("urllib3.connection").setLevel(logging.ERROR)

    def ask(self, query: str, at: datetime, seconds: float) -> Answer:
        """What comes back within ``seconds``; ``MetricsUnavailable`` if nothing does, or not all of it."""
        try:
            credentials = credentials_of(self._server)
        except InvalidInput as error:
            raise MetricsUnavailable(f"not asked, the credentials cannot be used: {error}") from None
        redactor = Redactor(credentials.secrets)
        try:
            with self._connect.post(query, at, seconds, credentials.headers, self._server) as answer:
                body = _bounded(answer, self._max_bytes)
                return Answer(
                    answer.status_code,
                    body[: self._max_bytes],
                    redactor,
                    location=answer.headers.get("Location", ""),
                    retry_after=answer.headers.get("Retry-After", ""),
                    is_cut=len(body) > self._max_bytes,
                )
        except (requests.RequestException, HTTPError, HTTPException, OSError) as error:
            # Not `from error`: it quotes what the server sent, and that may echo our headers into a log.
            raise MetricsUnavailable(_why(error, redactor, seconds)) from None

    def close(self) -> None:
        """Closes the connections that nobody uses."""
        self._connect.close()


class _Envelope(PrometheusConnect):  # type: ignore[misc] # the library has no type information
    def post(
        self, query: str, at: datetime, seconds: float, headers: Mapping[str, str], server: Server
    ) -> requests.Response:
        tls = server.tls
        params = {
            "query": query,
            "time": f"{at.timestamp():.3f}",
            "timeout": f"{max(1, round(900 * seconds))}ms",  # the server gives up before we do, and can say so
        }
        answer: requests.Response = self._session.post(
            f"{self.url}/api/v1/query",
            data=params,
            headers=headers,
            timeout=Timeout(connect=CONNECT_SECONDS, total=seconds),
            verify=str(tls.ca_file) if tls and tls.ca_file else True,
            cert=(str(tls.cert_file), str(tls.key_file)) if tls and tls.cert_file else None,
            allow_redirects=False,
            stream=True,
        )
        return answer


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: even with redirects off, requests would read the whole body to prepare for one, without any limit."""
        del resp
        return None


class _Adapter(HTTPAdapter):
    """As many connections as threads, no retries, and answers that end in time."""

    def __init__(self, concurrency: int, server_name: str | None) -> None:
        self._names = {"server_hostname": server_name} if server_name else {}
        super().__init__(pool_connections=1, pool_maxsize=concurrency, pool_block=True, max_retries=Retry(0))

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:  # noqa: FBT001, FBT002 - the signature of requests
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs, **self._names)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}


class _PlainConnection(HTTPConnection):
    def getresponse(self) -> Urllib3Response:  # type: ignore[override] # as in the class above it
        _make_timely(self)
        return super().getresponse()


class _TlsConnection(HTTPSConnection):
    def getresponse(self) -> Urllib3Response:  # type: ignore[override] # as in the class above it
        _make_timely(self)
        return super().getresponse()


def _make_timely(connection: HTTPConnection) -> None:
    """By now ``timeout`` is what connecting and sending have left of the whole exchange's limit."""
    connection.response_class = partial(_TimelyResponse, seconds=connection.timeout or 0.0)  # type: ignore[assignment]


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _TimelyResponse(HTTPResponse):
    """Head and body arrive within ``seconds`` altogether.

    A socket's time limit is for each read: a server that sends a byte now and then would keep a thread for ever.
    """

    def __init__(self, sock: socket.socket, *args: Any, seconds: float, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Timely(self.fp.detach(), sock, time.monotonic() + seconds))


class _Timely(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase, sock: socket.socket, until: float) -> None:
        self._raw, self._sock, self._until = raw, sock, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override] # Buffer is of 3.12
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _bounded(answer: requests.Response, most: int) -> bytes:
    """The unpacked body, one chunk more than ``most`` bytes of it at most: a small gzip may hold gigabytes."""
    body = bytearray()
    for chunk in answer.iter_content(CHUNK):
        body += chunk
        if len(body) > most:
            break
    return bytes(body)


def _why(error: BaseException, redactor: Redactor, seconds: float) -> str:
    """A failed exchange in words: the innermost reason, without the layers around it."""
    inner = error
    while (deeper := _deeper(inner)) is not None:
        inner = deeper
    match inner:
        case TimeoutError() | Urllib3Timeout() | requests.Timeout():
            return f"no whole answer within {seconds:.1f} s"
        case ssl.SSLCertVerificationError():
            return f"the server's certificate is not accepted: {redactor.clean(inner.verify_message)}"
        case ssl.SSLError():
            return f"no TLS connection: {redactor.clean(inner.reason or str(inner))}"
        case socket.gaierror():
            return f"the server's name is not known: {redactor.clean(inner.strerror or str(inner))}"
        case OSError():
            return f"no connection: {redactor.clean(inner.strerror or str(inner))}"
        case _:
            return f"the answer broke off or is not HTTP: {type(inner).__name__}: {redactor.clean(str(inner))}"


def _deeper(error: BaseException) -> BaseException | None:
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return None
    candidates = (getattr(error, "reason", None), *error.args, error.__cause__)
    return next((inner for inner in candidates if isinstance(inner, BaseException)), None)
