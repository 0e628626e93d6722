"""The traces of a real rollout as they arrive at an endpoint: its own, those of its passes, and the way to them."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from e2e.deploy.cluster import wait_until
from e2e.deploy.process import OperatorProcess
from tests.otlp_receiver import Receiver, receiving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from e2e.scenarios.site import Site

pytestmark = pytest.mark.matrix


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def traced(site: Site, receiver: Receiver) -> Iterator[Site]:
    """The site, with an operator that sends its traces."""
    operator = site.operator
    if not isinstance(operator, OperatorProcess):
        pytest.skip("the operator's settings are changed as those of a process of this machine")
    before = operator.settings
    operator.settings = replace(before, extra=(*before.extra, ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)))
    operator.stop()
    operator.start()
    yield site
    operator.stop()
    operator.settings = before
    operator.start()


def test_a_rollback_as_its_traces_tell_it(traced: Site, receiver: Receiver, tmp_path: Path) -> None:
    traced.go_live()
    with traced.load():
        traced.want("3", environment={"ERROR_RATE": "0.2"})
        record = traced.until_taken_back()
    name, uid = record["metadata"]["name"], traced.obj["metadata"]["uid"]
    own = hashlib.sha256(f"{uid}/{name}".encode()).hexdigest()[:32]
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

    assert isinstance(traced.operator, OperatorProcess)
    metrics = httpx.get(
        f"{traced.operator.health_url}/metrics", headers={"Accept": "application/openmetrics-text"}, trust_env=False
    ).text
    exemplars = set(re.findall(r'serin_reconcile_seconds_bucket\S+ \S+ # \{trace_id="(\w+)"\}', metrics))
    assert exemplars
    wait_until(lambda: exemplars <= traces().keys(), what="an exemplar leads to a trace that is there", seconds=20)
    assert 'serin_trace_spans_total{result="failed"}' not in metrics


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
