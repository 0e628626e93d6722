"""Sends spans to an OTLP endpoint, with OpenTelemetry's SDK: the only module that imports it.

Address, headers, certificates, compression and the sampler come from the variables that OpenTelemetry defines. A thread
of the SDK sends; where the endpoint is slow or away, spans are dropped and counted, and no pass waits.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Sequence

import requests
import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from serin.tracing.span import Place, Span, Told

log = structlog.get_logger()
MOST_WAITING = 2048
"""Spans that wait to be sent or are being sent; more are dropped."""
BATCH = 256
DELAY_SECONDS = 2.0
"""Spans are sent after this long, or when there is a batch."""
SEND_SECONDS = 10.0
"""The longest time for a batch, with its retries."""
CLOSE_SECONDS = 2.0
"""How long the end of the process waits for the last batch."""
SENT, FAILED, DROPPED = "sent", "failed", "dropped"
RESULTS = (SENT, FAILED, DROPPED)


class OtlpTracer:
    """Implements ``Tracer``. ``on_spans`` gets one of ``RESULTS`` and a number of spans, from any thread."""

    def __init__(self, version: str, on_spans: Told) -> None:
        # The SDK logs each failed try, with the server's words; `_Counted` tells it once.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._ids, self._on_spans = _Ids(), on_spans
        self._sending = _Counted(OTLPSpanExporter(timeout=SEND_SECONDS, session=_session()), on_spans)
        self._provider = TracerProvider(resource=_resource(version), id_generator=self._ids, shutdown_on_exit=False)
        # Larger than what is let in, so that the SDK itself never drops one uncounted.
        waiting = BatchSpanProcessor(
            self._sending,
            max_queue_size=2 * MOST_WAITING,
            schedule_delay_millis=DELAY_SECONDS * 1000,
            max_export_batch_size=BATCH,
        )
        self._provider.add_span_processor(waiting)
        self._tracer = self._provider.get_tracer("serin", version)

    def export(self, spans: Sequence[Span]) -> None:
        """Takes spans; returns at once, and raises nothing."""
        room = max(0, MOST_WAITING - self._sending.waiting)
        if len(spans) > room:
            self._on_spans(DROPPED, len(spans) - room)
        for span in spans[:room]:
            self._export(span)

    def _export(self, span: Span) -> None:
        self._ids.next = span.place
        around = trace.set_span_in_context(NonRecordingSpan(_context(span.parent))) if span.parent else None
        made = self._tracer.start_span(
            span.name,
            context=around or trace.set_span_in_context(trace.INVALID_SPAN),
            kind=SpanKind.CLIENT if span.outward else SpanKind.INTERNAL,
            attributes=span.attributes,
            links=[Link(_context(place)) for place in span.links],
            start_time=span.started,
        )
        if span.error:
            made.set_status(Status(StatusCode.ERROR, span.error))
        if made.is_recording():
            self._sending.take(1)
        made.end(max(span.started, span.ended))

    def close(self) -> None:
        """Sends what it still has, in at most ``CLOSE_SECONDS``."""
        closing = threading.Thread(target=self._provider.shutdown, name="tracing-close", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)


class _Counted(SpanExporter):
    """Counts what became of each span, and tells once that none arrives any more, and once that they do again."""

    def __init__(self, exporter: SpanExporter, on_spans: Told) -> None:
        self._exporter, self._on_spans = exporter, on_spans
        self._lock, self._waiting, self._failing = threading.Lock(), 0, False

    @property
    def waiting(self) -> int:
        """Spans that have been taken and are not over."""
        with self._lock:
            return self._waiting

    def take(self, count: int) -> None:
        """Notes spans that are going to be sent, or are over."""
        with self._lock:
            self._waiting += count

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sends a batch."""
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            failed = result is not SpanExportResult.SUCCESS
            self.take(-len(spans))
            self._on_spans(FAILED if failed else SENT, len(spans))
            if failed and not self._failing:
                log.warning("traces do not arrive", remedy="see OTEL_EXPORTER_OTLP_ENDPOINT; nothing else is affected")
            elif self._failing and not failed:
                log.info("traces arrive again")
            self._failing = failed
        return result

    def shutdown(self) -> None:
        """Ends a retry that is under way."""
        self._exporter.shutdown()


class _Ids(IdGenerator):
    """The ids that spans have already."""

    next = Place(1, 1)

    def generate_trace_id(self) -> int:
        return self.next.trace

    def generate_span_id(self) -> int:
        return self.next.span


def _session() -> requests.Session:
    """A session that takes a redirect for a failure: the exporter neither follows one nor tells of it."""

    def refuse(response: requests.Response, *_: object, **__: object) -> None:
        if response.is_redirect:
            response.close()
            raise requests.RequestException(f"redirected with {response.status_code}; redirects are not followed")

    made = requests.Session()
    made.hooks["response"].append(refuse)
    return made


def _resource(version: str) -> Resource:
    """Who sends; what OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say counts."""
    found = Resource.create({"service.version": version, "service.instance.id": socket.gethostname()})
    nameless = str(found.attributes.get("service.name", "")).startswith("unknown_service")
    return found.merge(Resource({"service.name": "serin"})) if nameless else found


def _context(place: Place) -> SpanContext:
    return SpanContext(place.trace, place.span, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
