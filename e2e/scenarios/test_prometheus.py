"""Prometheus is away or lies: the documented hold, the weight as it is, and then the rollout goes on."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2e.deploy import OperatorProcess
from e2e.deploy.cluster import wait_until
from e2e.scenarios.lying_prometheus import LIES, SLOW, LyingPrometheus
from e2e.scenarios.metrics import reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.scenarios.site import Site

HELD_SECONDS = 8
HOLDS = {"empty": "NoData", "NaN": "NoData"}
"""All others: MetricsUnavailable."""


@contextmanager
def behind_lying_prometheus(site: Site) -> Iterator[LyingPrometheus]:
    """The operator asks a Prometheus that lies when it is told to."""
    site.operator.stop()
    with LyingPrometheus(site.provider.prometheus_url) as prometheus:
        log = site.folder / "operator-lying-prometheus.log"
        settings = replace(site.operator.settings, prometheus_url=prometheus.url, log=log)
        with OperatorProcess(settings) as operator:
            site.operator = operator
            yield prometheus


@pytest.mark.parametrize(
    "lie", [pytest.param(lie, marks=[] if lie == "503" else pytest.mark.matrix) for lie in (*LIES, SLOW)]
)
def test_a_lie_holds_the_weight(site: Site, lie: str) -> None:
    with behind_lying_prometheus(site) as prometheus:
        site.go_live()
        with site.load():
            site.want("2")
            site.until_weight(25)
            prometheus.lie = lie
            expected = HOLDS.get(lie, "MetricsUnavailable")
            site.until(lambda _: site.reason == expected, what=f"the hold {expected} is told", seconds=40)
            held_since = time.monotonic()
            while time.monotonic() < held_since + HELD_SECONDS:
                status = site.look()
                assert (status["phase"], site.weights[-1], site.reason) == ("Progressing", 25, expected)
            prometheus.lie = ""
            site.until_stable("2")
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 50, 100]
    assert "RollingBack" not in site.history.phases()


@pytest.mark.matrix
def test_the_operators_metrics_tell_of_its_queries(site: Site) -> None:
    """How many ended how, and that a server which fails again and again is left alone, until it answers."""
    with behind_lying_prometheus(site) as prometheus:
        operator = site.operator
        assert isinstance(operator, OperatorProcess)
        site.go_live()
        with site.load():
            site.want("2")
            site.until_weight(25)

            def told(name: str) -> float:
                return reading(f"{operator.health_url}/metrics", f"serin_prometheus_{name}")

            wait_until(lambda: told('queries_total{result="ok"') > 0, what="queries are told", seconds=20)
            assert min(told("read_bytes_total"), told("read_series_total"), told("query_seconds_count")) > 0
            assert told("left_alone") == 0
            prometheus.lie = "503"
            wait_until(lambda: told("left_alone") == 1, what="the server is left alone", seconds=30)
            assert told('queries_total{result="unavailable"') >= 3
            prometheus.lie = ""
            wait_until(lambda: told("left_alone") == 0, what="a probe succeeds", seconds=30)
    site.nobody_else_failed()


@pytest.mark.matrix
def test_one_bad_answer_costs_nothing(site: Site) -> None:
    with behind_lying_prometheus(site) as prometheus:
        site.go_live()
        with site.load():
            site.want("2")
            site.until_weight(25)
            prometheus.lies_left, prometheus.lie = 1, "503"
            site.until_stable("2")
            assert prometheus.lies_left == 0
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 50, 100]


@pytest.mark.matrix
@pytest.mark.timeout(600)
def test_five_minutes_without_prometheus_and_then_for_ever(site: Site) -> None:
    """The weight stays; a candidate that dies meanwhile is taken back without any numbers."""
    with behind_lying_prometheus(site) as prometheus:
        site.go_live()
        with site.load(rate=40):
            # One crash is no loop: the pod would be back at once, and has its weight again.
            site.want("2", environment={"CRASH_AT": str(int(time.time()) + 330)})
            site.until_weight(25)
            prometheus.lie = "503"
            site.until(lambda _: site.reason == "MetricsUnavailable", what="the hold is told", seconds=40)
            since = site.status["rollout"]["since"]
            begun = time.monotonic()
            wait_until(lambda: time.monotonic() > begun + 270, what="four and a half minutes", seconds=280)
            assert site.history.weights("2") == [0, 25]
            assert site.status["rollout"]["since"] == since, "one hold, told once"
            # The weight is 0 at once; the record waits two minutes for the windows that nobody can read.
            site.until_taken_back(seconds=270)
    assert site.records()[-1]["status"]["reason"] in {"CandidateCrashed", "CandidateNotReady"}


@pytest.mark.matrix
def test_a_breach_in_the_dark_is_found_when_the_light_is_back(site: Site) -> None:
    """What was not seen at its time is read later, at the same explicit times, and judged as if it had been."""
    with behind_lying_prometheus(site) as prometheus:
        site.go_live()
        site.policy(analysis={"window": "1s", "preflight": "Warn"})  # or it would wait for the light
        with site.load():
            prometheus.lie = "503"
            site.want("2", environment={"ERROR_RATE": "0.3", "FAULT_SEED": "1"})
            site.until_weight(25)
            site.until(lambda _: site.reason == "MetricsUnavailable", what="the hold is told", seconds=40)
            dark = time.monotonic()
            wait_until(lambda: time.monotonic() > dark + 15, what="fifteen seconds in the dark", seconds=20)
            assert site.weights[-1] == 25
            prometheus.lie = ""
            light = time.monotonic()
            site.until_taken_back()
            assert time.monotonic() - light < 10
    site.nobody_else_failed(but="2")
    assert site.records()[-1]["status"]["reason"] in {"SLOBreached", "AllRequestsBad"}
