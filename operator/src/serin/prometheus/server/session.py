"""The HTTP session of one query: it gives the client library limits on time and size, credentials, and our errors."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.cookies import RequestsCookieJar
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as Urllib3Timeout
from urllib3.util import Timeout

from serin.errors import InvalidInput, MetricsUnavailable
from serin.prometheus.server.answer import Answer, check_status
from serin.prometheus.server.credentials import Server, credentials_of
from serin.prometheus.server.decoding import decode_limited
from serin.prometheus.server.redaction import Redactor
from serin.prometheus.server.timely import TimelyAdapter

CONNECT_SECONDS = 2.0
"""For one address of a server; a name may have several."""
SLACK = 1.0
"""Seconds that an exchange may take longer than its limit, e.g. to resolve a name, before it is not waited for."""
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Connections:
    """What all queries of one server share."""

    server: Server
    adapter: TimelyAdapter
    threads: ThreadPoolExecutor
    cookies: RequestsCookieJar
    max_bytes: int


class QuerySession(requests.Session):
    """Sends one query and decodes its answer with ``decode``; both raise ``MetricsError`` and nothing else.

    ``on_answer`` gets the number of bytes that were read.
    """

    def __init__(
        self,
        connections: Connections,
        namespace: str,
        decode: Callable[[Answer], object],
        on_answer: Callable[[int], None],
    ) -> None:
        super().__init__()
        self._connections, self._namespace = connections, namespace
        self._decode, self._on_answer = decode, on_answer
        self.trust_env = False  # no .netrc, which would replace our credentials, and no proxies
        self.cookies = connections.cookies
        self.headers.update({"User-Agent": "serin", "Accept-Encoding": "gzip"})

    def get_adapter(self, url: str | bytes) -> BaseAdapter:  # noqa: ARG002 - all of them are for one server
        """The server's connections, whatever the client library has mounted."""
        return self._connections.adapter

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: even with redirects off, requests would read the whole body to prepare for one, without any limit."""
        del resp
        return None

    def request(  # type: ignore[override] # what the client library gives, and no more
        self, method: str, url: str, *, params: Mapping[str, str], timeout: float, **_: object
    ) -> requests.Response:
        """The answer within ``timeout`` seconds; ``MetricsError`` for each status but 200.

        The exchange has a thread of its own: nothing limits the time of a name's resolution, so it is left behind then.
        """
        threads = self._connections.threads
        try:
            answer = threads.submit(self._exchange, method, url, params, timeout).result(timeout + SLACK)
        except TimeoutError:
            raise MetricsUnavailable(f"no answer within {timeout:.1f} s") from None
        self._on_answer(len(answer.body))
        check_status(answer)
        return _Response(answer, self._decode)

    def _exchange(self, method: str, url: str, params: Mapping[str, str], seconds: float) -> Answer:
        server, most = self._connections.server, self._connections.max_bytes
        try:
            credentials = credentials_of(
                server, self._namespace
            )  # for every request, so that a rotated token is used at once
        except InvalidInput as error:
            raise MetricsUnavailable(f"not asked, the credentials cannot be used: {error}") from None
        redactor, tls = Redactor(credentials.secrets), server.tls
        try:
            with super().request(
                method,
                url,
                data=params,  # in the body: the query for 200 rollouts is longer than a URL may be
                headers=credentials.headers,
                timeout=Timeout(connect=CONNECT_SECONDS, total=seconds),  # type: ignore[arg-type] # requests takes it
                verify=str(tls.ca_file) if tls and tls.ca_file else True,
                cert=(str(tls.cert_file), str(tls.key_file)) if tls and tls.cert_file else None,
                allow_redirects=False,
                stream=True,
            ) as response:
                body = _bounded(response, most)
                return Answer(
                    response.status_code,
                    body[:most],
                    redactor,
                    location=response.headers.get("Location", ""),
                    retry_after=response.headers.get("Retry-After", ""),
                    is_cut=len(body) > most,
                )
        except (requests.RequestException, HTTPError, HTTPException, OSError) as error:
            # Not `from error`: it quotes what the server sent, and that may echo our headers into a log.
            raise MetricsUnavailable(_cause(error, redactor, seconds)) from None


class _Response(requests.Response):
    """A response whose ``data.result`` is decoded: the type of the result and warnings are checked, too.

    The client library takes ``data.result`` out of the JSON and drops the rest.
    """

    def __init__(self, answer: Answer, decode: Callable[[Answer], object]) -> None:
        super().__init__()
        self.status_code = answer.status
        self._answer, self._decode = answer, decode

    def json(self, **_: object) -> dict[str, Any]:
        return {"data": {"result": decode_limited(self._decode, self._answer)}}


def _bounded(response: requests.Response, most: int) -> bytes:
    """The unpacked body, one chunk more than ``most`` bytes of it at most: a small gzip may hold gigabytes."""
    body = bytearray()
    for chunk in response.iter_content(CHUNK):
        body += chunk
        if len(body) > most:
            break
    return bytes(body)


def _cause(error: BaseException, redactor: Redactor, seconds: float) -> str:
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
