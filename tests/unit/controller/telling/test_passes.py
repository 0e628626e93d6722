"""A whole rollout in memory, through the loop: what its trace and its log tell."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog
from prometheus_client.openmetrics.exposition import generate_latest

from serin.cluster.client import Call
from serin.controller.loop import Loop
from serin.controller.metrics.metric import REGISTRY
from serin.controller.telling.passes import call_seen, query_seen, traced_by
from serin.prometheus.server.client import QueryStats, Result
from serin.tracing.recording import Recording, recording
from serin.tracing.span import Span, of_rollout
from tests.lab import KEY, Lab


class Kept:
    """Keeps all spans, or fails."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.broken = False

    def export(self, spans: Sequence[Span]) -> None:
        if self.broken:
            raise RuntimeError("a bug")
        self.spans += spans

    def close(self) -> None:
        pass

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


class TracedLab(Lab):
    """A lab whose passes are run by the operator's own loop."""

    def __init__(self) -> None:
        self.tracer = Kept()
        super().__init__()

    @property
    def uid(self) -> str:
        return str(self.obj()["metadata"]["uid"])

    async def tick(self) -> datetime | None:
        loop = Loop(self.reconciler.reconcile, lambda: self.now, timedelta(hours=1), traced=traced_by(self.tracer))
        loop.queue.add(KEY)
        await loop.queue.get()
        structlog.contextvars.clear_contextvars()
        with loop._traced(KEY):
            await loop._timed(KEY)
        self.now += timedelta(seconds=1)
        return None


@pytest.fixture
async def lab() -> TracedLab:
    lab = TracedLab()
    await lab.until(lab.stable("1"))
    lab.tracer.spans.clear()
    return lab


def decisions(stream: io.StringIO) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [line for line in lines if line["event"] == "decided"]


async def test_every_pass_of_a_rollout_is_linked_to_its_trace_and_every_decision_is_in_it(
    lab: TracedLab, log: io.StringIO
) -> None:
    lab.prometheus.candidate_bad = 6
    lab.want("3")
    await lab.until(lab.rolled_back)
    record = lab.record(2)["metadata"]["name"]
    root, passes = of_rollout(lab.uid, record), lab.tracer.named("pass")
    own = [span for span in lab.tracer.spans if span.place.trace == root.trace]
    assert all(span.links == (root,) for span in passes)
    assert {span.attributes["serin.record"] for span in passes} == {record}
    assert len({span.place.trace for span in passes}) == len(passes) > 3
    first, *decided = own
    assert (first.name, first.place, first.parent) == ("rollout", root, None)
    assert {span.parent for span in decided} == {root}
    assert {span.links[0] for span in own[1:]} <= {span.place for span in passes}
    assert [span.name for span in decided][-1] == "RolledBack: SLOBreached"
    assert decided[-1].attributes["serin.version"] == "3"
    assert "availability" in str(decided[-1].attributes["serin.message"])
    assert max(span.ended - span.started for span in own) < 60e9, "none lasts as long as its rollout"
    assert len(decisions(log)) == len(decided)


async def test_a_pass_has_its_parts_in_order(lab: TracedLab) -> None:
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    lab.tracer.spans.clear()
    await lab.tick()
    await lab.tick()
    (*_, last) = lab.tracer.named("pass")
    parts = [span.name for span in lab.tracer.spans if span.parent == last.place]
    assert parts[0] == "observe"
    assert parts[-1] == "act"
    assert {"windows", "decide", "gates"} <= set(parts)
    assert last.attributes["serin.result"] == "ok"


async def test_each_decision_is_one_line_with_rollout_revision_and_trace(lab: TracedLab, log: io.StringIO) -> None:
    lab.want("2")
    await lab.until(lab.stable("2"))
    told, traces = decisions(log), {span.place.trace_id for span in lab.tracer.named("pass")}
    weights = list(dict.fromkeys(line["weight"] for line in told))
    assert weights == [0, 40, 50, 100]
    for line in told:
        assert (line["namespace"], line["name"]) == KEY
        assert line["trace_id"] in traces
        assert (line["rollout"], line["version"]) == (lab.record(2)["metadata"]["name"], "2")
        assert line["revision"] == lab.record(2)["spec"]["candidate"]["revision"]
        assert line["rollout_trace_id"] == of_rollout(lab.uid, line["rollout"]).trace_id


async def test_a_pass_over_what_is_stable_leaves_no_trace_and_no_line(lab: TracedLab, log: io.StringIO) -> None:
    for _ in range(3):
        await lab.tick()
    assert lab.tracer.spans == []
    assert log.getvalue() == ""


async def test_a_pass_that_fails_leaves_its_trace_in_every_phase(lab: TracedLab, log: io.StringIO) -> None:
    lab.cluster.down = True
    await lab.tick()
    (whole,) = lab.tracer.named("pass")
    assert whole.error.startswith("Unavailable: ")
    assert whole.attributes["serin.result"] == "error"
    assert json.loads(log.getvalue().splitlines()[-1])["trace_id"] == whole.place.trace_id


async def test_a_tracer_with_a_bug_fails_no_pass(lab: TracedLab, log: io.StringIO) -> None:
    lab.tracer.broken = True
    lab.want("2")
    await lab.until(lab.stable("2"))
    assert "pass not traced" in log.getvalue()


async def test_without_a_tracer_the_log_names_no_trace(log: io.StringIO) -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    told = decisions(log)
    assert told[-1]["phase"] == "Stable"
    assert not any("trace_id" in key for line in told for key in line)


SERIN, GATEWAY = "/apis/serin.dev/v1alpha1/namespaces/p", "/apis/gateway.networking.k8s.io/v1/namespaces/p"


@pytest.mark.parametrize(
    ("call", "name", "error"),
    [
        (Call("get", 200, 0.1, f"{SERIN}/modeldeployments/m"), "read modeldeployments", ""),
        (Call("get", 200, 0.1, "/api/v1/namespaces/p/pods"), "read pods", ""),
        (Call("get", 200, 0.1, "/api/v1/namespaces/p"), "read namespaces", ""),
        (Call("patch", 409, 0.1, f"{GATEWAY}/httproutes/r"), "write httproutes", "HTTP 409"),
        (Call("post", 0, 0.1, "/api/v1/namespaces/p/events"), "write events", "no answer"),
        (Call("get", 200, 0.1), "read ", ""),
    ],
)
def test_a_request_to_the_api_server(call: Call, name: str, error: str) -> None:
    made = Recording.begin("pass")
    with recording(made):
        call_seen(call)
    span = made.spans[1]
    assert (span.name, span.error) == (name, error)
    assert span.ended - span.started == 100_000_000
    assert span.outward


def test_a_query_and_the_exemplars_that_lead_to_its_trace() -> None:
    made = Recording.begin("pass")
    made.kept = True
    query = 'sum(increase(http_requests_total{password="hunter2"}[1m]))'
    with recording(made):
        query_seen(QueryStats("http://exemplary:9090", Result.OK, seconds=0.2, size=10, series=3, query=query))
        call_seen(Call("get", 218, 0.1, "/api/v1/namespaces/p/pods"))
    span = made.spans[1]
    assert "hunter2" not in str(span.attributes["db.query.text"])
    assert (span.attributes["serin.series"], span.error) == (3, "")
    text = generate_latest(REGISTRY).decode()  # type: ignore[no-untyped-call]
    own = [line for line in text.splitlines() if "exemplary" in line or 'code="218"' in line]
    assert sum(f'# {{trace_id="{made.whole.place.trace_id}"}}' in line for line in own) == 3


async def test_what_cannot_be_told_stops_no_decision(
    lab: TracedLab, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("serin.controller.telling.decisions._note", broken)
    lab.prometheus.candidate_bad = 6
    lab.want("3")
    await lab.until(lab.rolled_back)
    assert {"rollout not noted", "decision not told"} <= {
        json.loads(line)["event"] for line in log.getvalue().splitlines()
    }
