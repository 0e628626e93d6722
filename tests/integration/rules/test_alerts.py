"""Each alert fires when it should and not otherwise, as Prometheus' own promtool evaluates the shipped rules."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.sandbox.build import find_optional
from tools.monitoring.render import alerts

RULES = Path(__file__).parents[3] / "charts/serin/files/monitoring/rules.yaml"
OF = 'namespace="prod",model_deployment="fraud"'
ALERTS = {alert.name: alert for alert in alerts()}
Series = dict[str, str]
"""Values in promtool's notation, one a minute."""


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = find_optional("promtool")
    assert command is not None, "run `python -m e2e.sandbox.build --promtool`"
    return subprocess.run([str(command), *arguments], capture_output=True, text=True, check=False, timeout=60)


def own(name: str, values: str, **labels: str) -> Series:
    """A series of the ModelDeployment, as one replica exposes it."""
    more = "".join(f',{key}="{value}"' for key, value in labels.items())
    return {f'{name}{{{OF}{more},instance="a:8080",job="serin"}}': values}


def weight(values: str) -> Series:
    return own("serin_weight_percent", values, kind="applied")


def seen(values: str, percent: str, at: str = "a:8080") -> Series:
    """When a replica last saw the ModelDeployment, which weight it saw, and that it led; `_` where it is not there."""
    of = f'{OF},instance="{at}",job="serin"'
    return {
        f"serin_model_deployment_seen_timestamp_seconds{{{of}}}": values,
        f'serin_weight_percent{{{of},kind="applied"}}': percent,
        f'serin_leading{{instance="{at}",job="serin"}}': re.sub(r"\d+(\+\d+)?x", "1x", values),
    }


def phase(name: str) -> Series:
    return own("serin_model_deployment_phase", "1x90", phase=name)


def condition(name: str, values: str) -> Series:
    return own("serin_model_deployment_condition", values, condition=name)


OF_CONTOUR, OF_ENVOY_GATEWAY = "prod_fraud-1234-predictor_80", "service/prod/fraud-1234-predictor/80/http"


def gateway(bad: int, good: int, cluster: str = OF_CONTOUR, workload: str = "fraud-1234") -> Series:
    """Envoy's counters of stable; per minute."""
    name = f'envoy_cluster_upstream_rq_xx{{envoy_cluster_name="{cluster}",envoy_response_code_class='
    return {
        f'{name}"5"}}': f"0+{bad}x90",
        f'{name}"2"}}': f"0+{good}x90",
        **own("serin_arm_info", "1x90", arm="stable", workload=workload),
        **own("serin_slo_objective_ratio", "0.99x90", slo="availability", indicator="availability"),
    }


def decided(at: int, outcome: str = "RolledBack") -> Series:
    return own("serin_rollout_decided_timestamp_seconds", f"{at}x90", outcome=outcome, cause="SLOBreached")


def known(values: str, severity: str = "Advisory") -> Series:
    """The end of the newest window that was evidence."""
    return own("serin_slo_evidence_timestamp_seconds", values, slo="drift", severity=severity)


def unknown(verdict: str) -> Series:
    return own("serin_slo_verdict", "1x90", slo="drift", severity="Advisory", verdict=verdict)


STARTED = own("serin_rollout_step_started_timestamp_seconds", "60x90")
AN_EARLIER_LEADER = seen("0+60x10 stale", "25x10 stale")
LEADS = {'serin_leading{instance="a:8080",job="serin"}': "1x90"}


@dataclass(frozen=True)
class Case:
    alert: str
    series: Series
    minute: int
    description: str = ""
    """Empty: it does not fire."""
    labels: dict[str, str] = field(default_factory=dict)
    what: str = ""


WHO = "prod/fraud"
NO_DATA = own("serin_model_deployment_reason", "1x90", reason="NoData")
REJECTED = own("serin_model_deployment_reason", "1x90", reason="RevisionRejected")
CASES = [
    Case("SerinRollbackStuck", weight("25x90") | phase("RollingBack"), 5,
         f"{WHO}: the rollback was decided, and the candidate has 25 % of the traffic."),
    Case("SerinRollbackStuck", weight("25x90") | phase("RollingBack"), 1, what="the gateway has a moment"),
    Case("SerinRollbackStuck", weight("0x90") | phase("RollingBack"), 30, what="it waits for the record only"),
    Case("SerinRollbackStuck", weight("25x90") | phase("Progressing"), 30, what="no rollback"),
    Case("SerinStillBurningAfterRollback", weight("0x90") | gateway(30, 70) | decided(60), 12,
         f"{WHO}: 30% of stable's answers are bad after the rollback; the candidate was not the cause."),
    Case("SerinStillBurningAfterRollback", weight("0x90") | gateway(30, 70, OF_ENVOY_GATEWAY) | decided(60), 12,
         f"{WHO}: 30% of stable's answers are bad after the rollback; the candidate was not the cause."),
    Case("SerinStillBurningAfterRollback",
         weight("0x90") | gateway(30, 70, "prod_fraud-1234-transformer_80") | decided(60), 12,
         f"{WHO}: 30% of stable's answers are bad after the rollback; the candidate was not the cause."),
    Case("SerinStillBurningAfterRollback",
         weight("0x90") | gateway(30, 70, "prod_fraud-predictor-00002_80", "fraud-predictor-00002") | decided(60), 12,
         f"{WHO}: 30% of stable's answers are bad after the rollback; the candidate was not the cause."),
    Case("SerinStillBurningAfterRollback",
         weight("0x90") | gateway(30, 70, "prod/fraud-predictor-00002", "fraud-predictor-00002") | decided(60), 12,
         f"{WHO}: 30% of stable's answers are bad after the rollback; the candidate was not the cause."),
    Case("SerinStillBurningAfterRollback", weight("0x90") | gateway(1, 99) | decided(60), 12, what="stable is well"),
    Case("SerinStillBurningAfterRollback", weight("0x90") | gateway(30, 70) | decided(60, "Promoted"), 12,
         what="nothing was taken back"),
    Case("SerinStillBurningAfterRollback", weight("0x90") | gateway(30, 70) | decided(60), 50, what="long ago"),
    Case("SerinAnalysisBlind", weight("25x90") | own("serin_analysis_blind_since_timestamp_seconds", "60x90"), 10,
         f"{WHO}: no usable evidence for 9m 0s while the candidate has traffic: a bad one would not be taken back."),
    Case("SerinAnalysisBlind", weight("25x90") | own("serin_model_deployment_seen_timestamp_seconds", "60x90"), 15,
         f"{WHO}: no usable evidence for 14m 0s while the candidate has traffic: a bad one would not be taken back."),
    Case("SerinAnalysisBlind", weight("0x90") | own("serin_analysis_blind_since_timestamp_seconds", "60x90"), 30,
         what="the candidate has no traffic"),
    Case("SerinAnalysisBlind", weight("25x90") | own("serin_analysis_blind_since_timestamp_seconds", "60x90"), 4,
         what="a few minutes may pass"),
    Case("SerinNoLeader", seen("0+60x10 stale", "25x10 stale"), 20,
         "1 rollouts have traffic on the candidate, and nobody watches them."),
    Case("SerinNoLeader", seen("0+60x10 stale", "25x10 stale") | {'serin_leading{instance="b:8080"}': "0x10 1x80"}, 20,
         what="another replica leads"),
    Case("SerinNoLeader", seen("0+60x10 stale", "25x5 0x5 stale"), 20, what="no candidate has traffic"),
    Case("SerinNoLeader", AN_EARLIER_LEADER | seen("_x10 660+60x9 stale", "_x10 25x4 0x5 stale", "b:8080"), 30,
         what="the last that led took it back, whatever the one before it saw"),
    Case("SerinNoLeader", AN_EARLIER_LEADER | seen("_x10 660+60x9 stale", "_x10 25x9 stale", "b:8080"), 30,
         "1 rollouts have traffic on the candidate, and nobody watches them."),
    Case("SerinStableDown", own("serin_stable_down_since_timestamp_seconds", "60x90"), 10,
         f"{WHO}: stable has had no ready endpoint for 9m 0s."),
    Case("SerinStableDown", own("serin_stable_down_since_timestamp_seconds", "60x3 stale"), 10, what="it came back"),
    Case("SerinStalled", condition("Stalled", "1x90") | NO_DATA, 10,
         f"{WHO}: stalled, NoData; its status says what a person must do.", {"reason": "NoData"}),
    Case("SerinStalled", condition("Stalled", "0x90") | NO_DATA, 10, what="it goes on by itself"),
    Case("SerinStalled", condition("Stalled", "1x90") | REJECTED, 10, what="SerinRolledBack told it"),
    Case("SerinHeldLong", own("serin_hold_since_timestamp_seconds", "60x90", reason="NoData"), 70,
         f"{WHO}: held for 1h 9m 0s, NoData.", {"reason": "NoData"}),
    Case("SerinHeldLong", own("serin_hold_since_timestamp_seconds", "-86400x90", reason="WaitingForApproval"), 10,
         f"{WHO}: held for 1d 0h 10m 0s, WaitingForApproval.", {"reason": "WaitingForApproval"}),
    Case("SerinHeldLong", own("serin_hold_since_timestamp_seconds", "60x90", reason="WaitingForApproval"), 70,
         what="people may take a day"),
    Case("SerinTrafficSplitMismatch", condition("TrafficSplit", "0x90"), 15,
         f"{WHO}: the requests are not split as the route says."),
    Case("SerinTrafficSplitMismatch", condition("TrafficSplit", "1x90"), 15, what="they agree"),
    Case("SerinTrafficSplitMismatch", condition("TrafficSplit", "-1x90"), 15, what="not known is no mismatch"),
    Case("SerinIndicatorStale", weight("25x90") | known("0+60x10 600x80"), 40,
         f"{WHO}: drift has had no usable value for 30m 0s; it is Advisory: nothing waits for it.", {"slo": "drift"}),
    Case("SerinIndicatorStale", weight("25x90") | known("0+60x90"), 40, what="it has values"),
    Case("SerinIndicatorStale", weight("25x90") | known("0+60x10 600x80"), 25, what="a job may be late"),
    Case("SerinIndicatorStale", weight("0x90") | known("0+60x10 600x80"), 40, what="the candidate has no traffic"),
    Case("SerinIndicatorStale", weight("25x90") | known("0+60x10 600x80", "Required"), 40,
         what="SerinAnalysisBlind pages for what the rollout waits for"),
    Case("SerinIndicatorStale", weight("25x90") | known("0+60x10 600x80")
         | own("serin_analysis_blind_since_timestamp_seconds", "600x90"), 40,
         what="SerinAnalysisBlind pages for all of them"),
    Case("SerinIndicatorStale", weight("25x90") | known("0+60x10 600x80") | phase("RollingBack"), 40,
         what="SerinRollbackStuck pages for what is taken back"),
    Case("SerinIndicatorStale", weight("25x90") | STARTED | unknown("NoData"), 40,
         f"{WHO}: drift has had no usable value for 39m 0s; it is Advisory: nothing waits for it.", {"slo": "drift"}),
    Case("SerinIndicatorStale", weight("25x90") | STARTED | unknown("Error"), 40,
         f"{WHO}: drift has had no usable value for 39m 0s; it is Advisory: nothing waits for it.", {"slo": "drift"}),
    Case("SerinIndicatorStale", weight("25x90") | STARTED | unknown("Insufficient"), 40, what="it is collecting"),
    Case("SerinIndicatorStale", weight("25x90") | STARTED | unknown("NoData") | known("0+60x90"), 40,
         what="one silent window is none"),
    Case("SerinRecordChainBroken", own("serin_record_chain_intact", "1x5 0x90"), 10,
         f"{WHO}: its chain of PromotionRecords does not hold together; look at it before anything is deleted."),
    Case("SerinRecordChainBroken", own("serin_record_chain_intact", "1x90"), 10, what="it holds"),
    Case("SerinWritesRejected",
         own("serin_write_failure_since_timestamp_seconds", "60x90", act="Scaling", reason="WriteRefused"), 10,
         f"{WHO}: Scaling has not been written for 9m 0s, WriteRefused.", {"act": "Scaling", "reason": "WriteRefused"}),
    Case("SerinWritesRejected",
         own("serin_write_failure_since_timestamp_seconds", "60x3 stale", act="Scaling", reason="WriteRefused"), 10,
         what="it was written"),
    Case("SerinPermissionsMissing", {'serin_missing_permissions{instance="a:8080"}': "2x90"}, 10,
         "2 permissions are missing; /readyz and the log name them."),
    Case("SerinPermissionsMissing", {'serin_missing_permissions{instance="a:8080"}': "0x90"}, 10, what="all are there"),
    Case("SerinPrometheusUnreadable", {
        'serin_prometheus_left_alone{instance="a:8080",server="http://p:9090"}': "1x90",
        'serin_prometheus_queries_total{instance="a:8080",server="http://p:9090",result="unavailable"}': "0+6x90"}, 10,
        "http://p:9090 has failed and is probed only: rollouts that are judged by it are held.",
        {"server": "http://p:9090"}),
    Case("SerinPrometheusUnreadable", {
        'serin_prometheus_left_alone{instance="a:8080",server="http://p:9090"}': "1x90",
        'serin_prometheus_queries_total{instance="a:8080",server="http://p:9090",result="unavailable"}': "6x90"}, 10,
        what="nobody asks it any more"),
    Case("SerinReceiverFails", {'serin_receiver_failing_since_timestamp_seconds{instance="a:8080",receiver="pager"}':
         "60x90"}, 15, "pager has taken no notification for 14m 0s.", {"receiver": "pager"}),
    Case("SerinReceiverFails", {'serin_receiver_failing_since_timestamp_seconds{instance="a:8080",receiver="pager"}':
         "60x5 stale"}, 15, what="it takes them again"),
    Case("SerinPassesFail", {'serin_reconcile_total{instance="a:8080",result="bug"}': "0+60x90"}, 20,
         "1 passes a second end with bug.", {"result": "bug"}),
    Case("SerinPassesFail", {'serin_reconcile_total{instance="a:8080",result="error"}': "0 1x90"}, 20,
         what="one error is none"),
    Case("SerinPassesFail", {'serin_reconcile_total{instance="a:8080",result="conflict"}': "0+60x90"}, 20,
         what="conflicts are tried again"),
    Case("SerinDown", {'serin_leading{instance="a:8080"}': "0x90"}, 20,
         "Nothing is promoted and nothing is watched; no candidate is known to have traffic."),
    Case("SerinDown", LEADS, 20, what="a replica leads"),
    Case("SerinDown", seen("0+60x10 stale", "25x10 stale"), 30, what="a candidate has traffic: SerinNoLeader pages"),
    Case("SerinDown", seen("0+60x3 stale", "25x3 stale"), 75,
         "Nothing is promoted and nothing is watched; no candidate is known to have traffic."),
    Case("SerinDown", AN_EARLIER_LEADER | seen("_x10 660+60x9 stale", "_x10 25x4 0x5 stale", "b:8080"), 40,
         "Nothing is promoted and nothing is watched; no candidate is known to have traffic."),
    Case("SerinRolledBack", weight("0x90") | decided(60), 5,
         f"{WHO}: rolled back, SLOBreached; stable serves, and the revision is refused until spec changes.",
         {"cause": "SLOBreached"}),
    Case("SerinRolledBack", weight("0x90") | decided(60), 15, what="it was told"),
    Case("SerinRolledBack", weight("0x90") | decided(60, "Promoted"), 5, what="a promotion"),
]  # fmt: skip


def expected(case: Case) -> list[dict[str, Any]]:
    if not case.description:
        return []
    alert = ALERTS[case.alert]
    object_ = {} if alert.fleet else {"namespace": "prod", "model_deployment": "fraud"}
    rule = alert.rule()["annotations"]
    assert isinstance(rule, dict)
    link = str(rule["dashboard_url"]).replace("{{ $labels.namespace }}", "prod")
    link = link.replace("{{ $labels.model_deployment }}", "fraud")
    annotations = rule | {"description": case.description, "dashboard_url": link}
    return [{"exp_labels": {"severity": alert.severity, **object_, **case.labels}, "exp_annotations": annotations}]


def test_promtool_finds_nothing_to_complain_about() -> None:
    answer = promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES))
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}: {case.what or 'fires'}")
def test_it_fires_when_it_should(case: Case, tmp_path: Path) -> None:
    series = LEADS | case.series if "serin_leading" not in str(case.series) else case.series
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {"eval_time": f"{case.minute}m", "alertname": case.alert, "exp_alerts": expected(case)},
        ],
    }
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]}))
    answer = promtool("test", "rules", str(file))
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_each_alert_is_tried_firing_and_not_firing() -> None:
    assert {case.alert for case in CASES if case.description} == set(ALERTS)
    assert {case.alert for case in CASES if not case.description} == set(ALERTS)
