"""What the process tells of its queries."""

from __future__ import annotations

import re
from pathlib import Path

import promql_parser
from prometheus_client import generate_latest

from serin.controller.metrics import process as metrics
from serin.controller.metrics.metric import REGISTRY
from serin.prometheus.server.client import QueryStats, Result

DOCUMENT = Path(__file__).parents[4] / "docs/operations/prometheus.md"
SERVER = "http://told.example:9090"


def lines() -> dict[str, float]:
    """The server's numbers, by name and labels."""
    own = [line for line in generate_latest(REGISTRY).decode().splitlines() if SERVER in line]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in own)}


def test_a_server_has_its_numbers_before_it_is_asked_and_they_grow() -> None:
    metrics.declare_server(SERVER)
    before = lines()
    label = f'server="{SERVER}"'
    assert {before[f'serin_prometheus_queries_total{{result="{result}",{label}}}'] for result in Result} == {0}
    assert before[f"serin_prometheus_left_alone{{{label}}}"] == 0
    metrics.record_query(QueryStats(SERVER, Result.OK, seconds=0.2, size=1000, series=30))
    metrics.record_query(QueryStats(SERVER, Result.UNAVAILABLE, seconds=5.0, left_alone=True))
    metrics.record_query(QueryStats(SERVER, Result.NOT_ASKED, left_alone=True))
    metrics.record_query(QueryStats(SERVER, Result.CANCELLED, seconds=1.0, left_alone=True))
    after = lines()
    assert after[f"serin_prometheus_read_bytes_total{{{label}}}"] == 1000
    assert after[f"serin_prometheus_read_series_total{{{label}}}"] == 30
    assert after[f"serin_prometheus_query_seconds_count{{{label}}}"] == 2, (
        "what nobody sent, or waited for, took no time"
    )
    assert after[f"serin_prometheus_left_alone{{{label}}}"] == 1
    assert after[f'serin_prometheus_queries_total{{result="not_asked",{label}}}'] == 1
    metrics.record_query(QueryStats(SERVER, Result.OK))
    assert lines()[f"serin_prometheus_left_alone{{{label}}}"] == 0


def test_the_documented_alert_ends_when_nobody_asks_any_more() -> None:
    """What a server was left for is told by the next query only: the gauge alone would stay 1 until there is one."""
    [alert] = re.findall(r"```promql\n(.*?)\n```", DOCUMENT.read_text(), re.DOTALL)
    both = promql_parser.parse(alert)
    assert isinstance(both, promql_parser.BinaryExpr)
    assert both.modifier is not None
    assert [str(both.op), str(both.modifier.matching)] == ["and", "on (instance, server)"]
    assert both.lhs.prettify() == "serin_prometheus_left_alone == 1"
    assert both.rhs.prettify() == "rate(serin_prometheus_queries_total[5m]) > 0"
    metrics.declare_server(SERVER)
    told = {line.split("{")[0] for line in lines()}
    assert {"serin_prometheus_left_alone", "serin_prometheus_queries_total"} <= told
