"""Passes that ask before the first weight: once, again while it holds, never in the way of a pass or of a rollout."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from serin.cluster import resources
from serin.controller.reconciliation import preflights
from serin.errors import QueryRejected
from serin.prometheus.series import Series
from serin.prometheus.series_request import SeriesRequest
from tests.lab import POLICY, Lab


@pytest.fixture
async def lab() -> Lab:
    lab = Lab()
    await lab.until(lab.stable("1"))
    return lab


def policy(lab: Lab, **changes: Any) -> None:
    meta = {"namespace": "prod", "name": "careful"}
    lab.cluster.put(resources.PROMOTION_POLICIES, {"metadata": meta, "spec": POLICY | changes})


async def test_it_is_asked_once_before_the_first_weight_and_told(lab: Lab) -> None:
    assert lab.prometheus.queries == 0, "a first deployment needs no evidence"
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    assert lab.prometheus.queries == 2, "the half hour, and the newest samples"
    ready = lab.condition("AnalysisReady")
    assert (ready["status"], ready["reason"]) == ("True", "Ready")
    assert "a candidate as good as stable passes availability after about" in ready["message"]
    await lab.until(lab.stable("2"))
    for _ in range(6):
        await lab.tick()
    assert not [c for c in lab.status["conditions"] if c["type"] == "AnalysisReady"]


async def test_prometheus_away_at_the_start_is_told_and_the_rollout_goes_on_when_it_is_back(lab: Lab) -> None:
    lab.prometheus.away = True
    lab.want("2")
    await lab.until(lambda: lab.status.get("reason") == "MetricsUnavailable")
    assert lab.status["phase"] == "Preparing"
    assert lab.condition("AnalysisReady")["status"] == "Unknown"
    queries = lab.prometheus.queries
    for _ in range(120):
        await lab.tick()
    assert lab.prometheus.queries - queries <= 2 * 8, "ever more rarely"
    assert lab.status["phase"] == "Preparing"
    assert max(lab.weights) == 0
    lab.prometheus.away = False
    await lab.until(lab.phase("Progressing"), limit=65)
    await lab.until(lab.stable("2"))


async def test_a_hold_writes_its_status_once(lab: Lab) -> None:
    lab.prometheus.away = True
    lab.want("2")
    await lab.until(lambda: lab.status.get("reason") == "MetricsUnavailable")
    for _ in range(3):
        await lab.tick()
    writes = len(lab.cluster.writes)
    for _ in range(100):
        await lab.tick()
    assert len(lab.cluster.writes) == writes


async def test_a_policy_that_cannot_be_asked_holds_until_it_is_edited(lab: Lab) -> None:
    real = lab.prometheus.series
    refused = True

    async def series(request: SeriesRequest) -> list[Series]:
        if refused:
            raise QueryRejected("http://prometheus: status 422")
        return await real(request)

    lab.prometheus.series = series  # type: ignore[method-assign]
    lab.want("2")
    await lab.until(lambda: lab.status.get("reason") == "AnalysisNotReady")
    assert "status 422" in lab.status["message"]
    assert lab.condition("AnalysisReady")["status"] == "False"
    refused = False
    policy(lab, steps=[{"weight": 40, "for": "3s"}])
    await lab.until(lab.phase("Progressing"))
    await lab.until(lab.stable("2"))
    assert lab.record(2)["status"]["outcome"] == "Superseded"
    assert lab.record(3)["spec"]["policy"]["spec"]["steps"] == [{"weight": 40, "for": "3s"}]
    assert lab.cluster.writes.count("create inferenceservices") == 2, "the candidate stayed up"


async def test_a_policy_may_only_be_warned(lab: Lab) -> None:
    policy(lab, analysis={"window": "1s", "preflight": "Warn"})
    lab.prometheus.away = True
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    assert lab.condition("AnalysisReady")["reason"] == "MetricsUnavailable"


async def test_a_slow_prometheus_delays_no_pass_and_its_answer_counts_later(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflights, "PASS_WAITS", 0.01)
    real, answers = lab.prometheus.series, asyncio.Event()

    async def series(request: SeriesRequest) -> list[Series]:
        await answers.wait()
        return await real(request)

    lab.prometheus.series = series  # type: ignore[method-assign]
    lab.want("2")
    for _ in range(7):
        await lab.tick()  # each of them ends, although nothing answers
    assert lab.status["phase"] == "Preparing"
    assert "the queries of the policy are tried" in lab.status["message"]
    answers.set()
    await lab.until(lab.phase("Progressing"), limit=5)


async def test_a_bug_in_it_holds_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> object:
        raise KeyError("le")

    monkeypatch.setattr("serin.controller.reconciliation.reconcile.survey", broken)
    lab.want("2")
    await lab.until(lab.stable("2"))


async def test_a_restarted_operator_asks_again_and_no_rollout_that_has_its_weight(lab: Lab) -> None:
    lab.prometheus.away = True
    lab.want("2")
    await lab.until(lambda: lab.status.get("reason") == "MetricsUnavailable")
    since = lab.status["since"]
    lab.restart()
    await lab.tick()
    assert (lab.status["reason"], lab.status["since"]) == ("MetricsUnavailable", since)
    lab.prometheus.away = False
    await lab.until(lab.phase("Progressing"), limit=65)
    message = lab.condition("AnalysisReady")["message"]
    lab.restart()
    await lab.tick()
    assert lab.condition("AnalysisReady")["message"] == message
