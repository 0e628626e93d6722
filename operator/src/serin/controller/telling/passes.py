"""Traces of passes: what is recorded in one, and what becomes of it when the pass is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext

import structlog

from serin.cluster.client import Call
from serin.controller.metrics.process import PASSES, record_call, record_query
from serin.controller.workqueue import Key
from serin.prometheus.server.client import QueryStats, Result
from serin.tracing.recording import Recording, current, exemplar, happened, recording, told
from serin.tracing.span import Tracer

log = structlog.get_logger()
Traced = Callable[[Key], AbstractContextManager[None]]
"""Makes the surroundings of a pass over one ModelDeployment."""
OK, NO_ANSWER, FIRST_FAILURE = "ok", 0, 400


def not_traced(_: Key) -> AbstractContextManager[None]:
    """The surroundings of a pass of which no trace is wanted."""
    return nullcontext()


def traced_by(tracer: Tracer | None) -> Traced:
    """The surroundings of passes whose spans are given to ``tracer``; without one nothing is recorded."""
    if tracer is None:
        return not_traced

    @contextmanager
    def traced(key: Key) -> Iterator[None]:
        made = Recording.begin("pass")
        made.whole.attributes |= {"serin.namespace": key[0], "serin.model_deployment": key[1]}
        try:
            with recording(made):
                yield
        finally:
            _export(tracer, made)

    return traced


def _export(tracer: Tracer, made: Recording) -> None:
    """Gives the spans away if the pass was worth it. A bug here fails no pass."""
    if not made.kept:
        return
    try:
        tracer.export(made.spans)
    except Exception:
        log.exception("pass not traced")


def pass_ended(result: str, error: Exception | None = None) -> None:
    """Counts the pass under way by how it ended; one that failed is worth to be looked at."""
    here = current()
    if here is not None:
        here.whole.attributes["serin.result"] = result
        if error is not None:
            here.kept = True
            here.whole.error = told(f"{type(error).__name__}: {error}")
    PASSES.labels(result).inc(exemplar=exemplar())


def call_seen(call: Call) -> None:
    """Counts a request to the API server, and notes it in the trace."""
    record_call(call)
    failed = call.code == NO_ANSWER or call.code >= FIRST_FAILURE
    error = ("no answer" if call.code == NO_ANSWER else f"HTTP {call.code}") if failed else ""
    what = "read" if call.verb == "get" else "write"
    happened(
        f"{what} {_resource(call.path)}",
        call.seconds,
        {
            "http.request.method": call.verb.upper(),
            "url.path": call.path,
            "http.response.status_code": call.code,
        },
        error,
    )


def query_seen(query: QueryStats) -> None:
    """Counts a query, and notes it in the trace; a query that rollouts share is the one's that asked first."""
    record_query(query)
    happened(
        "query",
        query.seconds,
        {
            "server.address": query.server,
            "db.query.text": query.query,
            "serin.result": query.result.value,
            "serin.series": query.series,
            "serin.bytes": query.size,
        },
        "" if query.result is Result.OK else query.result.value,
    )


@asynccontextmanager
async def closed_on_exit(tracer: Tracer | None) -> AsyncIterator[None]:
    """Sends, after the block, the spans that still wait; for a moment only."""
    try:
        yield
    finally:
        if tracer is not None:
            await asyncio.to_thread(tracer.close)


def _resource(path: str) -> str:
    """The kind of object that a path of the API is about, in the plural."""
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[:1] == ["api"] else parts[3:]  # api/v1/…, apis/group/version/…
    if parts[:1] == ["namespaces"] and len(parts) > 2:  # noqa: PLR2004 - namespaces/NAME/…
        parts = parts[2:]
    return parts[0] if parts else path
