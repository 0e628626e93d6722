"""The traces of a real rollout as they arrive at an endpoint: its own, those of its passes, and the way to them.

``SERIN_PICTURES`` names a folder for a picture of them, for docs/operations/tracing-and-logs.md.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from e2e.deploy.cluster import wait_until
from e2e.deploy.process import OperatorProcess
from e2e.scenarios.jaeger import Jaeger
from e2e.scenarios.local_server import built
from e2e.scenarios.trace_picture import drawn, linked_to
from tests.otlp_receiver import Receiver, receiving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from e2e.deploy.cluster import Json
    from e2e.scenarios.site import Site

pytestmark = pytest.mark.matrix


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def jaeger(tmp_path: Path) -> Iterator[Jaeger]:
    with Jaeger(built("jaeger"), tmp_path / "jaeger") as running:
        yield running


@contextmanager
def sending_to(site: Site, endpoint: str) -> Iterator[OperatorProcess]:
    """The site's operator, sending its traces there."""
    operator = site.operator
    if not isinstance(operator, OperatorProcess):
        pytest.skip("the operator's settings are changed as those of a process of this machine")
    before = operator.settings
    operator.settings = replace(before, extra=(*before.extra, ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)))
    operator.stop()
    operator.start()
    yield operator
    operator.stop()
    operator.settings = before
    operator.start()


def rolled_back(site: Site) -> tuple[Json, str]:
    """A version that is taken back: its record, and the id of the rollout's trace."""
    site.go_live()
    with site.load(rate=60):
        site.want("3", environment={"ERROR_RATE": "0.2"})
        record = site.until_taken_back()
    name, uid = record["metadata"]["name"], site.obj["metadata"]["uid"]
    return record, hashlib.sha256(f"{uid}/{name}".encode()).hexdigest()[:32]


def exemplars(operator: OperatorProcess) -> set[str]:
    """The traces that the metrics name."""
    accept = {"Accept": "application/openmetrics-text"}
    text = httpx.get(f"{operator.health_url}/metrics", headers=accept, trust_env=False).text
    assert 'serin_trace_spans_total{result="failed"}' not in text
    return set(re.findall(r'serin_reconcile_seconds_bucket\S+ \S+ # \{trace_id="(\w+)"\}', text))


def test_a_rollback_as_its_traces_tell_it(site: Site, receiver: Receiver, tmp_path: Path) -> None:
    with sending_to(site, receiver.url) as operator:
        record, own = rolled_back(site)
        named = exemplars(operator)
    last = f"RolledBack: {record['status']['reason']}"

    def traces() -> dict[str, list[Span]]:
        found = defaultdict(list)
        for span in receiver.spans:
            found[span.trace_id.hex()].append(span)
        return found

    wait_until(lambda: last in {span.name for span in traces()[own]}, what="the last decision arrives", seconds=20)
    found = traces()
    decisions = found[own]
    (tmp_path / "rollout.txt").write_text(as_text(decisions))
    assert "rollout" in {span.name for span in decisions}
    linked = [spans for spans in found.values() if any(link.trace_id.hex() == own for s in spans for link in s.links)]
    assert len(linked) >= len(decisions) - 1, "every pass leads to its rollout"
    whole = max((spans for spans in linked if "windows" in {span.name for span in spans}), key=len)
    (tmp_path / "pass.txt").write_text(as_text(whole))
    told = {span.name for span in whole}
    assert {"pass", "observe", "windows", "decide", "act", "query", "read modeldeployments"} <= told, told

    assert named
    wait_until(lambda: named <= traces().keys(), what="an exemplar leads to a trace that is there", seconds=20)


def test_a_rollback_in_a_real_jaeger(site: Site, jaeger: Jaeger, tmp_path: Path) -> None:
    with sending_to(site, jaeger.endpoint) as operator:
        record, own = rolled_back(site)
        named = exemplars(operator)
    name, reason = record["metadata"]["name"], record["status"]["reason"]
    last = f"RolledBack: {reason}"
    wait_until(lambda: last in told_by(jaeger.trace(own)), what="the last decision arrives", seconds=20)
    decisions = jaeger.trace(own)
    assert {"rollout", f"RollingBack: {reason}", last} <= told_by(decisions)

    passes = jaeger.traces(**{"serin.record": name})
    linked = [t for t in passes if any(own in linked_to(span) for span in t["spans"])]
    assert len(linked) >= len(decisions) - 1, "every pass leads to its rollout"
    [back] = [span for span in decisions if span["operationName"] == f"RollingBack: {reason}"]
    [one_pass] = [t["spans"] for t in linked if t["traceID"] in linked_to(back)]
    assert {"pass", "observe", "windows", "decide", "act", "query", "read modeldeployments"} <= told_by(one_pass)
    assert "write httproutes" in told_by(one_pass), "this is the pass that took the traffic away"
    assert named
    assert all(jaeger.trace(each) for each in named), "an exemplar leads to a trace that is there"

    folder = Path(os.environ.get("SERIN_PICTURES") or tmp_path)
    drawn(folder / "rollback-in-jaeger.svg", decisions, one_pass, f"Rollout {name} in Jaeger")


def told_by(spans: list[Json]) -> set[str]:
    """The names of the spans."""
    return {span["operationName"] for span in spans}


def as_text(spans: list[Span]) -> str:
    """A trace as a person reads it: when, what below what, and how long."""
    spans = sorted(spans, key=lambda span: (span.start_time_unix_nano, -span.end_time_unix_nano))
    begun, known = spans[0].start_time_unix_nano, {span.span_id for span in spans}

    def tree(span: Span, depth: int) -> list[str]:
        at = (span.start_time_unix_nano - begun) / 1e9
        took = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e6
        below = [each for each in spans if each.parent_span_id == span.span_id]
        line = f"{at:+9.3f} s  {'  ' * depth + span.name:<56} {took:8.1f} ms"
        return [line, *(one for each in below for one in tree(each, depth + 1))]

    return "\n".join(one for span in spans if span.parent_span_id not in known for one in tree(span, 0))
