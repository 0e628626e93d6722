"""HTTP connections on which a whole answer, head and body, arrives within a time limit."""

from __future__ import annotations

import io
import socket
import time
from functools import partial
from http.client import HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse as Urllib3Response
from urllib3.util import Retry


class TimelyAdapter(HTTPAdapter):
    """As many connections as threads, no retries, and answers that end in time."""

    def __init__(self, concurrency: int, server_name: str | None) -> None:
        self._names = {"server_hostname": server_name} if server_name else {}
        super().__init__(pool_connections=1, pool_maxsize=concurrency, pool_block=True, max_retries=Retry(0))

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:  # noqa: FBT001, FBT002 - the signature of requests
        """Makes the connections timely."""
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
        self.fp = io.BufferedReader(_TimelyReader(self.fp.detach(), sock, time.monotonic() + seconds))


class _TimelyReader(io.RawIOBase):
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
