"""What the scenarios of alerts change of what is shipped."""

from __future__ import annotations

import re

import pytest
import yaml

from e2e.scenarios.alertmanager import PAGE, SOON, configured
from e2e.scenarios.watcher import RULES, soon

ROUTED = [("critical", "pager"), ("warning", "mail"), ("info", "chat")]


def test_the_rules_are_played_with_shorter_times_and_nothing_else() -> None:
    """Without numbers and units they are the same text."""
    shipped = RULES.read_text("utf-8")
    played = soon(shipped)
    assert played != shipped
    durations = re.compile(r"(for: |interval: |\[|[<>] )\d+[smhd]?\b")
    assert durations.sub(r"\1N", played) == durations.sub(r"\1N", shipped)
    waits = {rule["for"] for group in yaml.safe_load(played)["groups"] for rule in group["rules"] if "for" in rule}
    assert waits == {"0s", "1s", "2s", "5s", "10s"}


@pytest.mark.parametrize(("severity", "receiver"), ROUTED)
def test_the_docs_routes_lead_to_receivers_that_there_are(severity: str, receiver: str) -> None:
    config = configured(PAGE.read_text("utf-8"), "http://127.0.0.1:9")
    names = {each["name"] for each in config["receivers"]}
    special = [r["receiver"] for r in config["route"]["routes"] if f'severity="{severity}"' in r["matchers"]]
    assert (special or [config["route"]["receiver"]]) == [receiver]
    assert receiver in names
    assert {name: config["route"][name] for name in SOON} == SOON
