"""What the metrics tell of a rollout, on whole passes: they say what the status says, and go with their object."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from serin.controller.metrics.catalogue import METRICS
from serin.controller.metrics.model_deployments import ENDS, ModelDeploymentMetrics
from serin.controller.reconciliation.reconcile import Reconciler
from tests.lab import KEY, POLICY, URL, Lab, isvc

OF = {"namespace": "prod", "model_deployment": "fraud"}
Labels = frozenset[tuple[str, str]]


class ToldLab(Lab):
    """A lab whose reconciler tells its metrics."""

    def restart(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = ModelDeploymentMetrics(self.registry)
        self.reconciler = Reconciler(self.cluster, {URL: self.prometheus}, lambda: self.now, metrics=self.metrics)

    def told(self) -> dict[str, dict[Labels, float]]:
        """By sample name and the labels besides those of the object."""
        found: dict[str, dict[Labels, float]] = defaultdict(dict)
        for family in self.registry.collect():
            for sample in family.samples:
                found[sample.name][frozenset(sample.labels.items() - OF.items())] = sample.value
        return found

    def value(self, name: str, **labels: str) -> float | None:
        return self.told()[name].get(frozenset(labels.items()))


async def promoted_once() -> ToldLab:
    lab = ToldLab()
    await lab.until(lab.stable("1"))
    return lab


async def test_each_step_of_a_promotion_shows() -> None:
    lab = await promoted_once()
    assert lab.value("serin_rollout_in_progress") == 0
    assert lab.value("serin_weight_percent", kind="desired") == 0, "so that the last weight does not stand for ever"
    lab.want("2")
    await lab.until(lambda: (lab.status.get("weights") or {}).get("applied") == 40)
    for _ in range(3):
        await lab.tick()
    rollout = lab.status["rollout"]
    assert lab.value("serin_rollout_in_progress") == 1
    assert lab.value("serin_model_deployment_phase", phase="Progressing") == 1
    assert lab.value("serin_weight_percent", kind="applied") == 40
    assert lab.value("serin_weight_percent", kind="observed") == pytest.approx(40, abs=1)
    assert lab.value("serin_rollout_step") == 1
    assert lab.value("serin_rollout_steps") == 2
    assert lab.value("serin_arm_info", arm="candidate", workload=isvc("2")) == 1
    slo = rollout["slos"][0]
    assert lab.value("serin_slo_requests_total", slo="availability", arm="candidate") == slo["candidate"]["total"] > 0
    assert lab.value("serin_slo_bad_requests_total", slo="availability", arm="stable") == 0
    assert lab.value("serin_slo_evidence_log10", slo="availability", test="e2") == float(slo["evidence"]["e2"])
    assert lab.value("serin_slo_threshold_log10", slo="availability", decides="breach") == float(slo["threshold"])
    assert lab.value("serin_slo_objective_ratio", slo="availability", indicator="availability") == 0.99
    told = lab.told()
    [(labels, newest)] = told["serin_slo_evidence_timestamp_seconds"].items()
    assert dict(labels) == {"slo": "availability", "severity": "Critical"}
    assert 0 < lab.now.timestamp() - newest <= 4
    assert len(told["serin_model_deployment_phase"]) == len(told["serin_slo_verdict"]) == 1
    await lab.until(lab.stable("2"))
    await lab.tick()
    assert lab.value("serin_rollouts_total", outcome="Promoted", cause="Serving") == 2
    assert lab.value("serin_rollout_lead_time_seconds_count") == 2
    assert lab.value("serin_weight_percent", kind="applied") == 0
    gone = {"serin_slo_requests_total", "serin_slo_verdict", "serin_slo_evidence_timestamp_seconds"}
    assert not gone & lab.told().keys(), "what the rollout had goes with it"
    assert "serin_rollout_decided_timestamp_seconds" in lab.told()


async def test_a_rollback_is_counted_with_what_it_has_cost() -> None:
    lab = await promoted_once()
    lab.prometheus.candidate_bad = 30
    lab.want("2")
    await lab.until(lab.rolled_back)
    await lab.tick()
    record = lab.record(2)["status"]
    assert lab.value("serin_rollouts_total", outcome="RolledBack", cause=record["reason"]) == 1
    assert lab.value("serin_taken_back_requests_total") == record["cost"]["requests"] > 0
    assert lab.value("serin_taken_back_bad_requests_total") == record["cost"]["badRequests"] > 0
    assert lab.value("serin_rollback_detection_seconds_count") == 1
    assert lab.value("serin_rollback_duration_seconds_count") == 1
    assert lab.value("serin_rollback_duration_seconds_sum") == pytest.approx(1, abs=1), "one pass after the decision"
    decided = lab.value("serin_rollout_decided_timestamp_seconds", outcome="RolledBack", cause=record["reason"])
    assert decided is not None
    assert lab.now.timestamp() - decided < 20


async def test_a_restarted_process_knows_the_last_outcome_and_counts_from_nothing() -> None:
    lab = await promoted_once()
    lab.prometheus.candidate_bad = 30
    lab.want("2")
    await lab.until(lab.rolled_back)
    before = lab.told()["serin_rollout_decided_timestamp_seconds"]
    lab.restart()
    await lab.tick()
    assert lab.told()["serin_rollout_decided_timestamp_seconds"] == before
    assert "serin_rollouts_total" not in lab.told()
    lab.prometheus.candidate_bad = 0
    lab.want("3")
    await lab.until(lab.phase("Progressing"))
    assert len(lab.told()["serin_rollouts_total"]) == len(ENDS), "from 0, or the first one would be no increase"
    assert set(lab.told()["serin_rollouts_total"].values()) == {0}


async def test_a_hold_and_a_blind_watch_show_since_when() -> None:
    lab = await promoted_once()
    lab.want("2")
    await lab.until(lambda: lab.value("serin_weight_percent", kind="applied") == 40)
    lab.prometheus.away = True
    for _ in range(40):
        await lab.tick()
    [held] = lab.told()["serin_hold_since_timestamp_seconds"].items()
    assert dict(held[0])["reason"] in {"MetricsUnavailable", "NoData"}
    blind = lab.value("serin_analysis_blind_since_timestamp_seconds")
    assert blind is not None
    assert lab.now.timestamp() - blind > 20
    lab.prometheus.away = False
    await lab.until(lambda: lab.value("serin_analysis_blind_since_timestamp_seconds") is None)
    await lab.until(lambda: "serin_hold_since_timestamp_seconds" not in lab.told())


async def test_dead_stable_shows_since_when() -> None:
    lab = await promoted_once()
    lab.cluster.ready = lambda _: 0
    await lab.until(lambda: lab.value("serin_stable_down_since_timestamp_seconds") is not None, limit=5)
    assert lab.value("serin_model_deployment_condition", condition="Available") == 0
    lab.cluster.ready = lambda _: 1
    await lab.until(lambda: lab.value("serin_stable_down_since_timestamp_seconds") is None, limit=10)


async def test_the_series_go_with_their_object() -> None:
    lab = await promoted_once()
    lab.want("2")
    await lab.until(lab.phase("Progressing"))

    assert lab.value("serin_rollout_in_progress") == 1
    del lab.cluster.objects["modeldeployments", *KEY]
    await lab.tick()
    left = {s.name for family in lab.registry.collect() for s in family.samples if "model_deployment" in s.labels}
    assert left == set()


async def test_whatever_is_told_is_declared() -> None:
    lab = await promoted_once()
    lab.prometheus.candidate_bad = 30
    lab.want("2")
    await lab.until(lab.phase("RollingBack"))
    declared = {metric.name.removesuffix("_total"): metric for metric in METRICS}
    for family in lab.registry.collect():
        metric = declared[family.name]
        assert {label for s in family.samples for label in s.labels} - {"le"} == set(metric.labels)


async def test_a_bug_in_a_metric_fails_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = ToldLab(POLICY)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(ModelDeploymentMetrics, "_see", broken)
    monkeypatch.setattr(ModelDeploymentMetrics, "_count", broken)
    await lab.until(lab.stable("1"))
    lab.now += timedelta(seconds=1)
