"""Sends queries to one server with ``PrometheusConnect``, and a session of our own below it (docs/adr/0014)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from prometheus_api_client import PrometheusConnect
from requests.cookies import RequestsCookieJar
from urllib3.util import Retry

from serin.prometheus.server.answer import Answer
from serin.prometheus.server.credentials import Server
from serin.prometheus.server.question import Question
from serin.prometheus.server.session import Connections, QuerySession
from serin.prometheus.server.timely import TimelyAdapter

T = TypeVar("T")
MAX_BYTES = 16 * 1024 * 1024
"""Of an answer, unpacked: nearly twice what 200 series with 30 minutes of samples, one a second, take."""


class Transport:
    """The connections to one server, for at most ``concurrency`` threads at a time. ``close`` it in the end."""

    def __init__(self, server: Server, concurrency: int, max_bytes: int = MAX_BYTES) -> None:
        self._connections = Connections(
            server,
            TimelyAdapter(concurrency, server.tls.server_name if server.tls else None),
            ThreadPoolExecutor(concurrency, thread_name_prefix="prometheus-exchange"),
            RequestsCookieJar(),
            max_bytes,
        )
        # Its one warning quotes headers that a server sent, and those may echo ours.
        logging.getLogger("urllib3.connection").setLevel(logging.ERROR)

    def ask(
        self, decode: Callable[[Answer], T], question: Question, seconds: float, on_answer: Callable[[int], None]
    ) -> T:
        """What ``decode`` makes of the answer, which has to come within ``seconds``; ``MetricsError``.

        ``on_answer`` gets the number of bytes that were read. The time of decoding is not counted.
        """
        session = QuerySession(self._connections, question.namespace, decode, on_answer)
        connect = PrometheusConnect(self._connections.server.url, session=session, retry=Retry(0), method="POST")
        params = {
            "time": f"{question.at.timestamp():.3f}",
            "timeout": f"{max(1, round(900 * seconds))}ms",  # the server gives up before we do, and can say so
        }
        found: T = connect.custom_query(question.query, params=params, timeout=seconds)
        return found

    def close(self) -> None:
        """Closes the connections that nobody uses; an exchange under way keeps its thread until its own time limit."""
        self._connections.threads.shutdown(wait=False)
        self._connections.adapter.close()
