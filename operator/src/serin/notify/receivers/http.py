"""Sends one JSON document by POST: bounded in time and size, to one host, and telling nothing of the address."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import certifi

from serin.errors import NotDelivered
from serin.notify.receivers.settings import Endpoint

TIMEOUT = 10.0
"""Seconds for one request, whatever the receiver does with it."""
MOST_REDIRECTS = 2
LONGEST_WAIT = 3600.0
"""Seconds: what ``Retry-After`` may ask for at most."""
KEEPS_METHOD = frozenset({307, 308})
TRY_AGAIN = frozenset({408, 425, 429})


class HttpSender:
    """One receiver's connection. It is made anew after a failure: the certificates may have changed."""

    def __init__(self, endpoint: Endpoint, timeout: float = TIMEOUT) -> None:
        self._endpoint, self._timeout = endpoint, timeout
        self._session: aiohttp.ClientSession | None = None

    async def post(self, path: str, document: object, content_type: str = "application/json") -> None:
        """Sends it to ``path`` below the receiver's address; ``NotDelivered`` unless the answer is a 2xx."""
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            async with asyncio.timeout(self._timeout):
                await self._send(f"{self._endpoint.address()}{path}", body, content_type)
        except NotDelivered:
            raise
        except TimeoutError:
            await self.close()
            raise NotDelivered(f"no answer within {self._timeout:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            await self.close()
            raise NotDelivered(_described(error)) from None

    async def close(self) -> None:
        """Closes the connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _send(self, url: str, body: bytes, content_type: str) -> None:
        headers = {"Content-Type": content_type, "User-Agent": "serin", **self._endpoint.headers(url)}
        for _ in range(MOST_REDIRECTS + 1):
            async with self._opened().post(url, data=body, headers=headers, allow_redirects=False) as answer:
                await answer.content.read(1024)  # so that the connection can be used again; it is not looked at
                code, told = answer.status, answer.headers
            if code not in KEEPS_METHOD:
                return _check(code, told)
            url = _same_place(url, told.get("Location", ""))
        raise NotDelivered("too many redirects")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=2, ssl=_tls(self._endpoint))
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            )
        return self._session


def _tls(endpoint: Endpoint) -> ssl.SSLContext:
    tls = endpoint.tls
    context = ssl.create_default_context(cafile=str(tls.ca_file) if tls and tls.ca_file else certifi.where())
    if tls is not None and tls.cert_file is not None:
        context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    return context


def _same_place(url: str, location: str) -> str:
    """Where the same host wants it; ``NotDelivered`` for any other one."""
    target = urljoin(url, location)
    try:
        old, new = urlsplit(url), urlsplit(target)
        same = (old.scheme, old.hostname, old.port) == (new.scheme, new.hostname, new.port) and "@" not in new.netloc
    except ValueError:
        same = False
    if not location or not same:
        raise NotDelivered("the answer leads to another host, which is not followed")
    return target


def _check(code: int, headers: Mapping[str, Any]) -> None:
    """Returns for a 2xx; ``NotDelivered`` otherwise."""
    if 200 <= code < 300:  # noqa: PLR2004 - success, by RFC 9110
        return
    if 300 <= code < 400:  # noqa: PLR2004 - a redirect
        raise NotDelivered(f"answered {code}: a redirect that would drop what was sent")
    refused = 400 <= code < 500 and code not in TRY_AGAIN  # noqa: PLR2004 - the request's fault
    raise NotDelivered(f"answered {code}", retry_after=_retry_after(headers), refused=refused)


def _retry_after(headers: Mapping[str, Any]) -> float | None:
    text = str(headers.get("Retry-After", "")).strip()
    if not text:
        return None
    try:
        seconds = float(text) if text.isdigit() else (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None
    return min(max(0.0, seconds), LONGEST_WAIT)


def _described(error: Exception) -> str:
    """The kind of failure, without the address that its own text may quote."""
    if isinstance(error, ssl.SSLError | aiohttp.ClientSSLError):
        return "its certificate is not trusted, or TLS failed"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name cannot be resolved"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        return f"no connection: {os.strerror(number) if number else type(error.os_error).__name__}"
    return f"the request failed: {type(error).__name__}"
