"""Spans as they arrive at an endpoint, and what becomes of them when it is slow, full or away."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from serin.tracing import otlp
from serin.tracing.otlp import OtlpTracer
from serin.tracing.span import Place, Span, of_rollout
from tests.otlp_receiver import Receiver, receiving

ROOT = of_rollout("uid", "fraud-1")


class Counts:
    def __init__(self) -> None:
        self.of, self.changed = Counter[str](), threading.Condition()

    def __call__(self, result: str, count: int) -> None:
        with self.changed:
            self.of[result] += count
            self.changed.notify_all()

    def wait(self, reached: Callable[[Counter[str]], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: reached(self.of), 20), self.of


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@contextmanager
def tracer_to(url: str, counts: Counts, monkeypatch: pytest.MonkeyPatch) -> Iterator[OtlpTracer]:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    monkeypatch.setattr(otlp, "DELAY_SECONDS", 0.02)
    monkeypatch.setattr(otlp, "SEND_SECONDS", 0.5)
    tracer = OtlpTracer("1.2.3", counts)
    try:
        yield tracer
    finally:
        tracer.close()


def a_pass(number: int = 1) -> list[Span]:
    whole, call = Place(77, number), Place(77, number + 5000)
    return [
        Span("pass", whole, None, 1000, 9000, {"serin.record": "fraud-1", "serin.weight": 25}, links=(ROOT,)),
        Span("read pods", call, whole, 2000, 3000, {"http.response.status_code": 403}, "HTTP 403", outward=True),
        Span("Progressing: StepAdvanced", Place(ROOT.trace, number + 9000), ROOT, 1000, 9000, links=(whole,)),
    ]


def test_spans_arrive_with_their_own_ids_times_links_and_errors(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = Counts()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer planted-token")
    with tracer_to(receiver.url, counts, monkeypatch) as tracer:
        tracer.export(a_pass())
    whole, call, decision = receiver.spans
    assert receiver.paths == ["/v1/traces"]
    assert (whole.name, whole.trace_id.hex(), whole.span_id.hex(), whole.parent_span_id) == (
        *("pass", f"{77:032x}", f"{1:016x}", b""),
    )
    assert (whole.start_time_unix_nano, whole.end_time_unix_nano) == (1000, 9000)
    assert [link.trace_id.hex() for link in whole.links] == [ROOT.trace_id]
    assert {item.key: item.value.string_value or item.value.int_value for item in whole.attributes} == {
        "serin.record": "fraud-1",
        "serin.weight": 25,
    }
    assert (call.parent_span_id, call.status.code, call.status.message) == (whole.span_id, 2, "HTTP 403")
    assert (decision.trace_id.hex(), decision.parent_span_id.hex()) == (ROOT.trace_id, f"{ROOT.span:016x}")
    assert receiver.resource["service.name"] == "serin"
    assert receiver.resource["service.version"] == "1.2.3"
    assert receiver.headers[0]["authorization"] == "Bearer planted-token"
    assert b"planted-token" not in receiver.bodies[0]
    assert counts.of == {"sent": 3}


@pytest.mark.parametrize(("status", "location"), [(500, ""), (400, ""), (302, "http://elsewhere.invalid/"), (429, "")])
def test_what_an_endpoint_does_not_take_is_counted_and_told_once(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, status: int, location: str
) -> None:
    receiver.status, receiver.location, counts = status, location, Counts()
    with capture_logs() as logs, tracer_to(receiver.url, counts, monkeypatch) as tracer:
        tracer.export(a_pass(1))
        counts.wait(lambda of: of["failed"] == 3)
        tracer.export(a_pass(2))
        counts.wait(lambda of: of["failed"] == 6)
        receiver.status, receiver.location = 200, ""
        tracer.export(a_pass(3))
        counts.wait(lambda of: of["sent"] == 3)
    assert counts.of == {"failed": 6, "sent": 3}
    assert [line["event"] for line in logs] == ["traces do not arrive", "traces arrive again"]


def test_an_endpoint_that_does_not_answer_costs_a_pass_nothing_and_no_more_than_a_bound_waits(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = Counts()
    monkeypatch.setattr(otlp, "MOST_WAITING", 30)
    monkeypatch.setattr(otlp, "BATCH", 10)
    receiver.answers.clear()
    with tracer_to(receiver.url, counts, monkeypatch) as tracer:
        longest = 0.0
        for number in range(100):
            begun = time.perf_counter()
            tracer.export(a_pass(number + 1))
            longest = max(longest, time.perf_counter() - begun)
        assert longest < 0.4, "less than the time in which the endpoint did not answer"
        assert counts.of["dropped"] >= 300 - 30 - 30
        counts.wait(lambda of: of["dropped"] + of["failed"] == 300)


def test_nobody_listens_and_the_end_of_the_process_waits_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = Counts()
    monkeypatch.setattr(otlp, "CLOSE_SECONDS", 0.2)
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        with tracer_to(f"http://127.0.0.1:{taken.getsockname()[1]}", counts, monkeypatch) as tracer:
            tracer.export(a_pass())
            begun = time.perf_counter()
            tracer.close()
            assert time.perf_counter() - begun < 5
        counts.wait(lambda of: of["failed"] == 3)


def test_a_sampler_that_takes_nothing_leaves_nothing_waiting(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    with tracer_to(receiver.url, Counts(), monkeypatch) as tracer:
        tracer.export(a_pass())
        assert tracer._sending.waiting == 0
    assert receiver.bodies == []
