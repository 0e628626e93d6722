"""Alerts, runbooks, dashboards and metrics belong together: what one names, the other has."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from serin.controller.metrics.catalogue import METRICS
from serin.controller.metrics.metric import Kind
from tools.monitoring.__main__ import files, main
from tools.monitoring.alert import Alert, Recording
from tools.monitoring.render import GROUPS, alerts, rules

ROOT = Path(__file__).parents[3]
RUNBOOKS = ROOT / "docs/runbooks"
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "With Serin down"]
OTHERS = {"envoy_cluster_upstream_rq_xx", "istio_requests_total", "up"}
"""What others expose."""
LOOKING = {"get", "describe", "logs", "auth"}
FILLED_IN = {"$__rate_interval": "1m", "$__range": "6h", "$namespace": ".*", "$model_deployment": ".*"}


def known() -> set[str]:
    names = {rule.name for group in GROUPS for rule in group.rules if isinstance(rule, Recording)} | OTHERS
    for metric in METRICS:
        histogram = metric.kind is Kind.HISTOGRAM
        names |= {f"{metric.name}_{part}" for part in ("bucket", "sum", "count")} if histogram else {metric.name}
    return names


def selected(query: str) -> dict[str, set[str]]:
    """The metrics of a query, with the labels by which it selects."""
    found: dict[str, set[str]] = {}

    def note(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            assert node.name, f"{query}: a selector without a name"
            found.setdefault(node.name, set()).update(matcher.name for matcher in node.matchers.matchers)
        return True

    promql_parser.walk(promql_parser.parse(query), note)
    return found


def filled_in(query: str) -> str:
    for variable, value in FILLED_IN.items():
        query = query.replace(variable, value)
    assert not re.search(r"\$[a-z_]", query), query
    return query


def dashboards() -> dict[str, dict[str, Any]]:
    folder = ROOT / "charts/serin/files/monitoring/dashboards"
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries() -> list[tuple[str, str]]:
    """Every query of rules, dashboards and runbooks, with where it stands."""
    found = [(str(r.get("alert") or r["record"]), str(r["expr"])) for g in GROUPS for r in (x.rule() for x in g.rules)]
    for name, dashboard in dashboards().items():
        found += [(f"{name}: {p['title']}", t["expr"]) for p in panels(dashboard) for t in p["targets"]]
        found += [(f"{name}: {mark['name']}", mark["expr"]) for mark in dashboard["annotations"]["list"]]
    for page in RUNBOOKS.glob("*.md"):
        blocks = re.findall(r"```promql\n(.*?)```", page.read_text(), re.DOTALL)
        found += [(page.name, line) for block in blocks for line in block.splitlines()]
    return found


QUERIES = queries()
ALERTS = tuple(alerts())


def test_the_files_are_those_of_the_code() -> None:
    stale = [str(name) for name, text in files().items() if (ROOT / name).read_text() != text]
    assert stale == [], "run `python -m tools.monitoring`"


def test_a_file_that_differs_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(tmp_path), "--check"]) == 1
    assert "docs/reference/metrics.md differs" in capsys.readouterr().err
    assert main(["--root", str(tmp_path)]) == 0
    assert main(["--root", str(tmp_path), "--check"]) == 0


@pytest.mark.parametrize(("where", "query"), QUERIES, ids=[f"{where} {n}" for n, (where, _) in enumerate(QUERIES)])
def test_each_query_parses_and_asks_for_what_there_is(where: str, query: str) -> None:
    labels = {f"{m.name}{end}": set(m.labels) for m in METRICS for end in ("", "_bucket", "_sum", "_count")}
    for name, by in selected(filled_in(query)).items():
        assert name in known(), f"{where}: nobody exposes {name}"
        if name in labels:
            assert by <= labels[name] | {"le", "instance"}, f"{where}: {name} has no such label"


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_keeps_the_conventions_and_has_its_page(alert: Alert) -> None:
    assert re.fullmatch(r"Serin([A-Z][a-z]+)+", alert.name)
    assert alert.summary.endswith(".")
    assert "{{" not in alert.summary, "it is the same sentence each time"
    assert alert.fleet is ("model_deployment" not in alert.description)
    rule = alert.rule()
    assert isinstance(rule["annotations"], dict)
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert rule["annotations"]["dashboard_url"].split("/d/")[1].split("?")[0] in dashboards()
    text = (ROOT / rule["annotations"]["runbook_url"]).read_text()
    assert text.startswith(f"# {alert.name}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    assert ("**Pages.**" in text) is (alert.severity == "critical")


def test_each_page_is_of_an_alert() -> None:
    pages = {page.stem for page in RUNBOOKS.glob("Serin*.md")}
    assert pages == {alert.name for alert in ALERTS}
    assert all(f"[{name}](../runbooks/{name}.md)" in (ROOT / "docs/reference/alerts.md").read_text() for name in pages)


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_links_lead_somewhere_and_commands_only_look(page: Path) -> None:
    text = page.read_text()
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (page.parent / link).exists(), link
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            words = [word for word in shlex.split(line) if not word.startswith("-")]
            assert words[0] == "kubectl"
            assert LOOKING & set(words), f"{line}: what changes something is no diagnosis"


@pytest.mark.parametrize("name", sorted(dashboards()))
def test_a_dashboard_is_complete(name: str) -> None:
    dashboard = dashboards()[name]
    variables = {v["name"]: v for v in dashboard["templating"]["list"]}
    assert dashboard["uid"] == name
    assert len(dashboard["uid"]) <= 40
    assert variables["datasource"]["type"] == "datasource"
    assert {"namespace", "model_deployment"} <= variables.keys()
    titles = [panel["title"] for panel in panels(dashboard)]
    assert len(set(titles)) == len(titles) > 5
    for panel in panels(dashboard):
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["targets"]
        assert all(target["expr"].strip() for target in panel["targets"])
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24


def test_every_metric_is_used_or_is_there_to_be_asked_for() -> None:
    """A metric that no rule, dashboard or page asks for costs everybody and helps nobody; the few are listed."""
    asked = {name for _, query in QUERIES for name in selected(filled_in(query))}
    unused = {m.name for m in METRICS if not asked & {m.name, f"{m.name}_bucket", f"{m.name}_sum", f"{m.name}_count"}}
    assert unused == {
        "serin_build_info",
        "serin_model_deployment_info",  # the dashboards' variables
        "serin_model_deployment_reason_since_timestamp_seconds",
        "serin_freezes_in_force",
        "serin_rollout_step",
        "serin_rollout_started_timestamp_seconds",
        "serin_rollout_steps",
        "serin_taken_back_requests_total",
        "serin_trace_spans_total",  # whether traces arrive
        "serin_workqueue_adds_total",
        "serin_workqueue_retries_total",
        "serin_api_request_seconds",
        "serin_prometheus_read_bytes_total",
        "serin_prometheus_read_series_total",
    }


def test_the_rules_are_one_plain_file_of_prometheus() -> None:
    names = [group["name"] for group in yaml.safe_load(rules())["groups"]]
    assert len(set(names)) == len(names)
