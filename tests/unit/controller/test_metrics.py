"""What the process tells of its queries."""

from __future__ import annotations

from serin.controller import metrics
from serin.prometheus.client import Asked, Result

SERVER = "http://told.example:9090"


def lines() -> dict[str, float]:
    """The server's numbers, by name and labels."""
    own = [line for line in metrics.exposition().decode().splitlines() if SERVER in line]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in own)}


def test_a_server_has_its_numbers_before_it_is_asked_and_they_grow() -> None:
    metrics.known(SERVER)
    before = lines()
    label = f'server="{SERVER}"'
    assert {before[f'serin_prometheus_queries_total{{result="{result}",{label}}}'] for result in Result} == {0}
    assert before[f"serin_prometheus_left_alone{{{label}}}"] == 0
    metrics.asked(Asked(SERVER, Result.OK, seconds=0.2, size=1000, series=30))
    metrics.asked(Asked(SERVER, Result.UNAVAILABLE, seconds=5.0, left_alone=True))
    metrics.asked(Asked(SERVER, Result.NOT_ASKED, left_alone=True))
    metrics.asked(Asked(SERVER, Result.CANCELLED, seconds=1.0, left_alone=True))
    after = lines()
    assert after[f"serin_prometheus_read_bytes_total{{{label}}}"] == 1000
    assert after[f"serin_prometheus_read_series_total{{{label}}}"] == 30
    assert after[f"serin_prometheus_query_seconds_count{{{label}}}"] == 2, (
        "what nobody sent, or waited for, took no time"
    )
    assert after[f"serin_prometheus_left_alone{{{label}}}"] == 1
    assert after[f'serin_prometheus_queries_total{{result="not_asked",{label}}}'] == 1
    metrics.asked(Asked(SERVER, Result.OK))
    assert lines()[f"serin_prometheus_left_alone{{{label}}}"] == 0
