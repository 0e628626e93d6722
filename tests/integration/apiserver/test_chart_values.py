"""What an operator of clusters sets in the chart beside what Serin needs: names, labels, places, what watches Serin."""

from __future__ import annotations

import io
import itertools
import json
from typing import Any

import pytest
import yaml

from tests.integration.apiserver.test_chart import CHART, IMAGE, helm, only, rendered
from tools.monitoring.render import alerts, rules

pytestmark = pytest.mark.apiserver
Json = dict[str, Any]


def everything() -> list[Json]:
    return rendered("everything")


def test_one_value_names_all_objects() -> None:
    names = {i["metadata"]["name"] for i in everything() if i["kind"] != "CustomResourceDefinition"}
    assert all(name.startswith("promoter") for name in names)
    [role] = [i for i in everything() if i["kind"] == "Role"]
    named = [rule for rule in role["rules"] if rule.get("resourceNames")]
    assert named
    assert all(rule["resourceNames"] == ["promoter"] for rule in named), "only its own Lease"


def test_common_labels_are_everywhere_and_never_in_the_way_of_a_selector() -> None:
    items = [i for i in everything() if i["kind"] not in {"CustomResourceDefinition", "Pod"}]
    assert {i["metadata"]["labels"]["cost-centre"] for i in items} == {"ml"}
    template = only(items, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert template["cost-centre"] == "ml"
    for selector in (
        only(items, "Service")["spec"]["selector"],
        only(items, "PodMonitor")["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= template.items()
        assert selector["app.kubernetes.io/name"] == "serin"


def test_the_pod_goes_where_it_is_told_and_has_what_it_is_given() -> None:
    deployment = only(everything(), "Deployment")
    spec = deployment["spec"]["template"]["spec"]
    [container] = spec["containers"]
    assert deployment["metadata"]["annotations"] == {"example.com/owner": "ml"}
    assert spec["affinity"]["nodeAffinity"]
    assert [c["topologyKey"] for c in spec["topologySpreadConstraints"]] == ["topology.kubernetes.io/zone"]
    assert {"name": "HTTPS_PROXY", "value": "http://proxy:3128"} in container["env"]
    assert {"name": "ca", "configMap": {"name": "ca"}} in spec["volumes"]
    assert {"name": "ca", "mountPath": "/etc/ca", "readOnly": True} in container["volumeMounts"]
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
        "fsGroup": 2000,
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seLinuxOptions": {"level": "s0:c123,c456"},
    }
    assert only(everything(), "Service")["metadata"]["annotations"] == {"example.com/scrape": "no"}


def test_an_account_that_is_there_is_bound_and_not_made() -> None:
    items = rendered("namespaces")
    assert not [i for i in items if i["kind"] == "ServiceAccount"]
    bindings = [i for i in items if i["kind"] == "RoleBinding"]
    assert {s["name"] for binding in bindings for s in binding["subjects"]} == {"promoter"}
    answer = helm(
        "template", "x", str(CHART), "--set", f"{IMAGE},prometheus.urls={{http://x}},serviceAccount.create=false"
    )
    assert "serviceAccount.name is empty" in answer.stderr


@pytest.mark.parametrize(
    ("value", "kind"), [("metrics.serviceMonitor", "ServiceMonitor"), ("metrics.podMonitor", "PodMonitor")]
)
def test_a_monitor_keeps_the_labels_of_the_object(value: str, kind: str) -> None:
    """Otherwise Prometheus names the ModelDeployment's namespace exported_namespace, and no rule finds it."""
    items = rendered("default", "--set", f"{value}=true")
    spec = only(items, kind)["spec"]
    [endpoint] = spec.get("endpoints") or spec["podMetricsEndpoints"]
    assert endpoint["honorLabels"] is True
    port = only(items, "Deployment")["spec"]["template"]["spec"]["containers"][0]["ports"][0]["name"]
    assert endpoint["port"] == port


def test_by_default_nothing_needs_the_prometheus_operator_or_grafana() -> None:
    assert not {i["kind"] for i in rendered()} & {"ServiceMonitor", "PodMonitor", "PrometheusRule", "ConfigMap"}


def test_the_rules_are_the_file_with_links_that_work() -> None:
    items = everything()
    rule = only(items, "PrometheusRule")
    assert rule["metadata"]["labels"]["release"] == "kube-prometheus"
    given = [r for group in rule["spec"]["groups"] for r in group["rules"] if "alert" in r]
    assert {r["alert"] for r in given} == {alert.name for alert in alerts()} - {"SerinRolledBack"}
    assert {r["labels"]["team"] for r in given} == {"ml"}
    for each in given:
        assert each["annotations"]["runbook_url"] == f"https://docs.example.com/serin/runbooks/{each['alert']}.md"
        assert each["annotations"]["dashboard_url"].startswith("https://grafana.example.com/d/serin-")
    plain = only(rendered("default", "--set", "rules.enabled=true"), "PrometheusRule")
    assert plain["spec"] == yaml.safe_load(rules())


def test_the_dashboards_are_where_the_sidecar_looks() -> None:
    maps = [i for i in everything() if i["kind"] == "ConfigMap"]
    assert {i["metadata"]["namespace"] for i in maps} == {"monitoring"}
    assert {i["metadata"]["labels"]["grafana_dashboard"] for i in maps} == {"1"}
    shipped = {p.name: json.loads(p.read_text()) for p in (CHART / "files/monitoring/dashboards").glob("*.json")}
    assert {name: json.loads(text) for i in maps for name, text in i["data"].items()} == shipped


def test_further_ways_out_may_be_opened() -> None:
    peer = '[{"ports":[{"port":9093}],"to":[{"ipBlock":{"cidr":"10.1.0.0/16"}}]}]'
    spec = only(rendered("default", "--set-json", f"networkPolicy.extraEgress={peer}"), "NetworkPolicy")["spec"]
    assert spec["egress"][-1] == json.loads(peer)[0]


REFUSED = [
    ("extraEnv[0].name=SERIN_LEASE", "'/extraEnv/0/name'"),
    ("rules.leaveOut={SerinNever}", "'/rules/leaveOut/0'"),
    ("rules.runbooks=ftp://x", "'/rules/runbooks'"),
    ("fullnameOverride=Upper", "'/fullnameOverride'"),
    ("extraVolumeMounts[0].name=ca", "missing property 'mountPath'"),
    ("commonLabels.team=a b", "'/commonLabels/team'"),
]


@pytest.mark.parametrize(("value", "words"), REFUSED, ids=[value for value, _ in REFUSED])
def test_a_wrong_value_is_refused_by_name(value: str, words: str) -> None:
    answer = helm("template", "x", str(CHART), "--set", f"{IMAGE},prometheus.urls={{http://x}}", "--set", value)
    assert answer.returncode != 0
    assert words in answer.stderr


RULE = {"name": "SerinDown", "health": "ok"}
UNKNOWN = {"name": "SerinDown", "health": "err", "lastError": "many-to-many"}
SERIN = "serin_build_info 1\nserin_leading 1\n"


@pytest.mark.parametrize(
    ("metrics", "rules", "ends"),
    [
        pytest.param(SERIN, [("serin-pages", RULE)], None, id="all is there"),
        pytest.param("up 1\n", [("serin-pages", RULE)], "tells nothing of Serin", id="no metrics"),
        pytest.param(SERIN, [("others", RULE)], "has no rule of Serin: does its ruleSelector", id="no rules"),
        pytest.param(SERIN, [("serin-pages", UNKNOWN)], "SerinDown: many-to-many", id="a rule that fails"),
    ],
)
def test_helms_test_reads_the_metrics_and_the_rules(
    metrics: str, rules: list[tuple[str, Json]], ends: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script of the pod, with answers in place of the two servers and no time to wait."""
    values = ["--set", "rules.enabled=true,rules.prometheus=http://prometheus.monitoring:9090/"]
    [script] = only(rendered("default", *values), "Pod")["spec"]["containers"][0]["args"]
    groups = [{"name": name, "rules": [rule]} for name, rule in rules]
    answers = {
        "/readyz": "200 ready",
        "/metrics": metrics,
        "http://prometheus.monitoring:9090/api/v1/rules": json.dumps({"data": {"groups": groups}}),
    }

    def answered(url: str, timeout: float) -> io.BytesIO:
        assert timeout
        found = io.BytesIO(next(text for end, text in answers.items() if url.endswith(end)).encode())
        found.status = 200  # type: ignore[attr-defined]
        return found

    times = itertools.count(0, 60)
    monkeypatch.setattr("urllib.request.urlopen", answered)
    monkeypatch.setattr("time.monotonic", lambda: next(times))
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(SystemExit) as end:
        exec(compile(script, "helm test", "exec"), {})  # noqa: S102 - the very text that the pod runs
    assert ends in str(end.value.code) if ends else end.value.code is None


def test_without_rules_of_the_chart_helms_test_asks_for_none() -> None:
    values = ["--set", "rules.prometheus=http://p:9090"]
    [script] = only(rendered("default", *values), "Pod")["spec"]["containers"][0]["args"]
    assert 'RULES = "http://serin:8080", ""' in script.replace("URL, ", "")


def test_every_value_has_a_schema() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))

    def missing(values: Json, known: Json, path: str) -> list[str]:
        found = []
        for name, value in values.items():
            inner = known.get("properties", {}).get(name)
            if inner is None:
                found.append(f"{path}{name}")
            elif isinstance(value, dict) and "properties" in inner:
                found += missing(value, inner, f"{path}{name}.")
        return found

    assert missing(yaml.safe_load((CHART / "values.yaml").read_text("utf-8")), schema, "") == []
