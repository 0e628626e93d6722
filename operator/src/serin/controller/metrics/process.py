"""The metrics that the process itself sets: its passes, its queue, and what it asks of others."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import ProcessCollector

from serin.cluster.client import Call
from serin.controller.metrics import catalogue
from serin.controller.metrics.metric import REGISTRY
from serin.judge import JUDGE_VERSION
from serin.prometheus.server.client import QueryStats, Result
from serin.tracing.recording import exemplar

ProcessCollector(registry=REGISTRY)
LEADING = catalogue.LEADING.gauge()
MISSING_PERMISSIONS = catalogue.MISSING_PERMISSIONS.gauge()
QUEUE_ADDS = catalogue.QUEUE_ADDS.counter()
QUEUE_RETRIES = catalogue.QUEUE_RETRIES.counter()
QUEUE_WAIT = catalogue.QUEUE_WAIT.histogram()
QUEUE_DEPTH = catalogue.QUEUE_DEPTH.gauge()
PASSES = catalogue.PASSES.counter()
PASS_SECONDS = catalogue.PASS_SECONDS.histogram()
API_REQUESTS = catalogue.API_REQUESTS.counter()
API_SECONDS = catalogue.API_SECONDS.histogram()
QUERIES = catalogue.QUERIES.counter()
QUERY_SECONDS = catalogue.QUERY_SECONDS.histogram()
QUERY_BYTES = catalogue.QUERY_BYTES.counter()
QUERY_SERIES = catalogue.QUERY_SERIES.counter()
LEFT_ALONE = catalogue.LEFT_ALONE.gauge()
BUILD = catalogue.BUILD.gauge()
SPANS = catalogue.SPANS.counter()
PASS_RESULTS = ("ok", "conflict", "error", "bug")


def own_version() -> str:
    """The version of Serin that runs."""
    try:
        return version("serin")
    except PackageNotFoundError:  # run from a checkout that nobody installed
        return "unknown"


def declare_process() -> None:
    """Creates the series that are there from the start: a counter that begins with 1 has no first increase."""
    BUILD.labels(own_version(), JUDGE_VERSION, platform.python_version()).set(1)
    for result in PASS_RESULTS:
        PASSES.labels(result)


def declare_server(server: str) -> None:
    """Creates the series of a Prometheus server with value 0, before the first query."""
    for result in Result:
        QUERIES.labels(server, result)
    for metric in (QUERY_SECONDS, QUERY_BYTES, QUERY_SERIES, LEFT_ALONE):
        metric.labels(server)


def record_query(query: QueryStats) -> None:
    """Counts a finished query. The label is the server's address from the allow-list, which has no credentials."""
    QUERIES.labels(query.server, query.result).inc(exemplar=exemplar())
    QUERY_BYTES.labels(query.server).inc(query.size)
    QUERY_SERIES.labels(query.server).inc(query.series)
    LEFT_ALONE.labels(query.server).set(query.left_alone)
    if query.result not in {Result.NOT_ASKED, Result.CANCELLED}:
        QUERY_SECONDS.labels(query.server).observe(query.seconds, exemplar())


def record_call(call: Call) -> None:
    """Counts a request to the API server."""
    API_REQUESTS.labels(call.verb, str(call.code)).inc(exemplar=exemplar())
    API_SECONDS.labels(call.verb).observe(call.seconds, exemplar())


def record_spans(result: str, count: int) -> None:
    """Counts spans by what became of them; it is called from the thread that sends them, too."""
    SPANS.labels(result).inc(count)
