"""What the scenarios of alerts and traces change of what is shipped, and what they draw."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.scenarios.alertmanager import PAGE, SOON, configured
from e2e.scenarios.trace_picture import drawn, in_order, linked_to
from e2e.scenarios.watcher import RULES, soon
from tools.monitoring.render import alerts

ALERTS = Path(__file__).parents[3] / "e2e/scenarios/test_alerts.py"
ROUTED = [("critical", "pager"), ("warning", "mail"), ("info", "chat")]


def test_the_rules_are_played_with_shorter_times_and_nothing_else() -> None:
    """Without numbers and units they are the same text."""
    shipped = RULES.read_text("utf-8")
    played = soon(shipped)
    assert played != shipped
    durations = re.compile(r"(for: |interval: |\[|[<>] )\d+[smhd]?\b")
    assert durations.sub(r"\1N", played) == durations.sub(r"\1N", shipped)
    waits = {rule["for"] for group in yaml.safe_load(played)["groups"] for rule in group["rules"] if "for" in rule}
    assert waits == {"0s", "1s", "2s", "5s", "10s", "15s"}


@pytest.mark.parametrize(("severity", "receiver"), ROUTED)
def test_the_docs_routes_lead_to_receivers_that_there_are(severity: str, receiver: str) -> None:
    config = configured(PAGE.read_text("utf-8"), "http://127.0.0.1:9")
    names = {each["name"] for each in config["receivers"]}
    special = [r["receiver"] for r in config["route"]["routes"] if f'severity="{severity}"' in r["matchers"]]
    assert (special or [config["route"]["receiver"]]) == [receiver]
    assert receiver in names
    assert {name: config["route"][name] for name in SOON} == SOON


def told_in(scenarios: Path) -> set[tuple[str, str, str]]:
    """Alert, receiver and scenario of each wait for an alert that fires."""
    functions = [node for node in ast.parse(scenarios.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)]
    found = set()
    for function in functions:
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                words = {
                    each.arg: ast.literal_eval(each.value) for each in call.keywords if each.arg in {"by", "status"}
                }
                if call.func.attr == "until_notified" and "status" not in words:
                    name = ast.literal_eval(call.args[0])
                    found.add((name, words["by"], function.name.removeprefix("test_").replace("_", " ")))
    return found


def test_each_alert_is_played_as_the_docs_say() -> None:
    rows = re.findall(r"^\| `(Serin\w+)` \| .+ \| (\w+) \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert set(rows) <= told_in(ALERTS), "the scenario waits for the alert at that receiver"
    receivers = dict(ROUTED)
    assert [(name, by) for name, by, _ in rows] == [(alert.name, receivers[alert.severity]) for alert in alerts()]


def span(name: str, at: int, *above: tuple[str, str, str]) -> dict[str, Any]:
    references = [{"refType": kind, "traceID": trace, "spanID": id_} for kind, trace, id_ in above]
    return {
        "traceID": "t",
        "spanID": name,
        "operationName": name,
        "startTime": at,
        "duration": 10,
        "references": references,
    }


def test_a_trace_is_drawn_as_a_tree_in_time(tmp_path: Path) -> None:
    spans = [
        span("write routes", 7, ("CHILD_OF", "t", "act")),
        span("act", 5, ("CHILD_OF", "t", "pass")),
        span("read pods", 2, ("CHILD_OF", "t", "pass")),
        span("pass", 0, ("FOLLOWS_FROM", "rollout", "root")),
    ]
    found = [(depth, each["operationName"]) for depth, each in in_order(spans)]
    assert found == [(0, "pass"), (1, "read pods"), (1, "act"), (2, "write routes")]
    assert linked_to(spans[3]) == ["rollout"]
    drawn(tmp_path / "a.svg", spans, spans, "A rollout")
    drawn(tmp_path / "b.svg", spans, spans, "A rollout")
    text = (tmp_path / "a.svg").read_text()
    assert "write routes" in text
    assert text == (tmp_path / "b.svg").read_text()
