"""Credentials that were planted wherever others speak are in no line of the log, no span and no metric."""

from __future__ import annotations

import io
import logging
from typing import Any

import pytest
import structlog
from prometheus_client.openmetrics.exposition import generate_latest

from serin.cluster.client import Call
from serin.controller.loop import Loop
from serin.controller.metrics.metric import REGISTRY
from serin.controller.telling.passes import call_seen, query_seen, traced_by
from serin.errors import MetricsUnavailable, Refused, Unavailable
from serin.prometheus.server.client import QueryStats, Result
from serin.tracing import otlp
from tests.lab import KEY, Lab
from tests.otlp_receiver import receiving

SECRET = "hunter2-planted"
SAID = (
    f"https://ana:{SECRET}@db refused",
    f"Authorization: Bearer {SECRET}",
    f'{{"password": "{SECRET}"}}',
    f"GET /x?X-Amz-Signature={SECRET}",
)


@pytest.mark.parametrize("said", SAID)
async def test_nothing_that_was_planted_is_told(said: str, log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"x-api-key={SECRET}")
    monkeypatch.setattr(otlp, "DELAY_SECONDS", 0.02)
    with receiving() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url.replace("http://", f"http://serin:{SECRET}@"))
        tracer = otlp.OtlpTracer("1", lambda *_: None)
        await passes_in_which_others_say(said, tracer)
        tracer.close()
        sent = b"".join(receiver.bodies)
        assert receiver.headers[0]["x-api-key"] == SECRET, "it is used"
    assert len(log.getvalue().splitlines()) > 5
    assert b"Unavailable" in sent
    assert b"query" in sent
    assert SECRET not in log.getvalue()
    assert SECRET.encode() not in sent
    assert SECRET not in generate_latest(REGISTRY).decode()  # type: ignore[no-untyped-call]


async def passes_in_which_others_say(said: str, tracer: otlp.OtlpTracer) -> None:
    """A rollout in which the route cannot be written, Prometheus fails, and then the API server."""
    lab = Lab()
    await lab.until(lab.stable("1"))

    async def refused(*_: Any, **__: Any) -> Any:
        call_seen(Call("patch", 403, 0.1, "/apis/gateway.networking.k8s.io/v1/namespaces/prod/httproutes/fraud"))
        raise Refused(said)

    async def away(*_: Any, **__: Any) -> Any:
        raise Unavailable(said)

    async def unread(*_: Any, **__: Any) -> Any:
        query_seen(QueryStats("http://prometheus:9090", Result.UNAVAILABLE, seconds=0.1, query=f'x{{a="{said}"}}'))
        raise MetricsUnavailable(said)

    async def one_pass() -> None:
        loop = Loop(lab.reconciler.reconcile, lambda: lab.now, lab.now - lab.now, traced=traced_by(tracer))
        loop.queue.add(KEY)
        await loop.queue.get()
        with loop._traced(KEY):
            await loop._timed(KEY)

    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    lab.prometheus.series = unread  # type: ignore[method-assign]
    lab.cluster.apply = refused  # type: ignore[method-assign]
    for _ in range(6):
        await one_pass()
        await lab.tick()
        logging.getLogger("aiohttp.client").error("request failed: %s", said)
        structlog.get_logger().error("something", why=[said], error=RuntimeError(said))
    lab.cluster.get = away  # type: ignore[method-assign]
    await one_pass()
