"""The files that are made: rules for Prometheus, the pages of metrics and alerts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import yaml

from serin.controller.metrics.catalogue import CATALOGUE
from serin.controller.metrics.metric import Metric
from tools.monitoring.alert import Alert, Group, Recording
from tools.monitoring.alerts import ALERTS
from tools.monitoring.recordings import RECORDINGS

GROUPS: tuple[Group, ...] = (*RECORDINGS, *ALERTS)
MADE = "<!-- Made by `make crds` from the code; a test compares it. -->"
PAGES = {"critical": "pages", "warning": "by day", "info": "news"}


def rules() -> str:
    """The rules as a file of Prometheus, which the chart's PrometheusRule holds, too."""
    head = "# Made by `make crds` from tools/monitoring. Load it as it is (rule_files), or let the chart do it (rules.enabled).\n"
    body = {"groups": [group.rendered() for group in GROUPS]}
    return head + yaml.safe_dump(body, sort_keys=False, width=1000, allow_unicode=True)


def metrics_page() -> str:
    """The reference of the metrics."""
    parts = [
        "# Metrics",
        "",
        MADE,
        "",
        "Served at `/metrics` of the operator's port ([the process](../operations/process.md)). Only the replica that leads",
        "tells of ModelDeployments. A series goes with its ModelDeployment, and what belongs to a rollout goes with the rollout.",
        "The labels `namespace` and `model_deployment` are the object's own: scrape with `honor_labels: true` (the chart's monitors",
        "do), or Prometheus renames the first one to `exported_namespace`, and no rule or dashboard finds it.",
        "",
        "How rules and dashboards use them: [alerts](alerts.md), [monitoring](../operations/monitoring.md).",
    ]
    for title, metrics in CATALOGUE.items():
        parts += ["", f"## {title}", "", "| metric | kind | labels | what it says |", "| --- | --- | --- | --- |"]
        parts += [_row(metric) for metric in metrics]
    parts += ["", "## Recorded", "", "| recording rule | what it says |", "| --- | --- |"]
    recorded = {rule.name: rule.help for group in RECORDINGS for rule in group.rules if isinstance(rule, Recording)}
    parts += [f"| `{name}` | {text} |" for name, text in recorded.items()]
    return "\n".join([*parts, ""])


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind.value} | {labels} | {metric.help} |"


def alerts_page() -> str:
    """The list of the alerts."""
    parts = [
        "# Alerts",
        "",
        MADE,
        "",
        "In the chart with `rules.enabled`, or as a file: `charts/serin/files/monitoring/rules.yaml`. `critical` pages: a person is",
        "needed now. `warning` can wait for the day; `info` is news. [How to route them](../operations/monitoring.md).",
    ]
    for group in ALERTS:
        parts += [
            "",
            f"## {group.about}",
            "",
            "| alert | severity | what it says | after |",
            "| --- | --- | --- | --- |",
        ]
        parts += [
            f"| [{a.name}](../runbooks/{a.name}.md) | {a.severity} | {a.summary} | {a.lasts} |"
            for a in alerts((group,))
        ]
    return "\n".join([*parts, ""])


def alerts(groups: Iterable[Group] = GROUPS) -> Iterator[Alert]:
    """All alerts."""
    for group in groups:
        yield from (rule for rule in group.rules if isinstance(rule, Alert))
