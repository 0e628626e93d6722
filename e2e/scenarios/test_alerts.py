"""Alerts fire for their cause, reach whom the docs' routes say, and end when the cause does.

Serin's rules as they are shipped, in a copy with shorter times (``watcher.soon``), in a real Prometheus; the routes of
docs/operations/monitoring.md in a real Alertmanager; behind it a receiver that keeps what it is sent.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from e2e.deploy.cluster import wait_until
from e2e.scenarios.causes import live_on_settings, quota, settings_go
from e2e.scenarios.site import MODEL
from e2e.scenarios.telling import telling
from e2e.scenarios.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2e.scenarios.alertmanager import Alertmanager, OnCall
    from e2e.scenarios.site import Site

pytestmark = pytest.mark.matrix
LONG = [{"weight": 25, "for": "10m", "timeout": "1h"}]


@pytest.fixture
def watcher(site: Site, alertmanager: Alertmanager, tmp_path: Path) -> Iterator[Watcher]:
    """A Prometheus that watches the site's operator and tells the Alertmanager."""
    source = site.provider.prometheus_url
    with Watcher(tmp_path / "watcher", source=source, alertmanager=alertmanager.url) as watcher:
        watcher.look_at(site.operator)
        yield watcher
        assert watcher.unhealthy() == []


@contextmanager
def a_candidate_at_25(site: Site, **environment: str) -> Iterator[None]:
    """Version 2 has a quarter of the traffic, and stays there."""
    site.policy(steps=LONG)
    with site.load(rate=40):
        site.want("2", environment=environment)
        site.until_weight(25)
        site.until(lambda s: s["weights"]["applied"] == 25, what="the gateway has accepted 25 %")
        yield


def until_suppressed(alertmanager: Alertmanager, name: str) -> None:
    """Waits until the Alertmanager holds the alert back, since there is a page that says more."""

    def inhibited() -> bool:
        return any(alert["status"]["inhibitedBy"] for alert in alertmanager.alerts(name))

    wait_until(inhibited, what=f"{name} is inhibited", seconds=30)


def of(site: Site) -> dict[str, str]:
    return {"namespace": site.namespace, "model_deployment": MODEL}


def test_a_rollback_is_news_and_wakes_nobody(site: Site, watcher: Watcher, on_call: OnCall) -> None:
    site.go_live()
    with site.load():
        site.want("2", environment={"ERROR_RATE": "0.2"})
        record = site.until_taken_back()["status"]
    news = on_call.until_notified("SerinRolledBack", by="chat")
    assert news["labels"] == {
        "alertname": "SerinRolledBack",
        "severity": "info",
        **of(site),
        "cause": record["reason"],
    }
    assert f"rolled back, {record['reason']}; stable serves" in news["annotations"]["description"]
    assert news["annotations"]["runbook_url"] == "docs/runbooks/SerinRolledBack.md"
    on_call.until_notified("SerinRolledBack", by="chat", status="resolved")
    watcher.until_over("SerinRolledBack")
    assert on_call.alerts_of("pager") == set()


def test_a_blind_watch_pages_and_so_does_a_missing_leader(
    site: Site, watcher: Watcher, alertmanager: Alertmanager, on_call: OnCall
) -> None:
    """Prometheus is away with traffic on the candidate; then nobody leads, and that alone is told."""
    site.go_live()
    with a_candidate_at_25(site):
        site.provider.stop("prometheus")
        try:
            page = on_call.until_notified("SerinAnalysisBlind", by="pager", seconds=90)
            on_call.until_notified("SerinPrometheusUnreadable", by="mail")
            watcher.until_fires("SerinHeldLong")
            until_suppressed(alertmanager, "SerinHeldLong")
        finally:
            site.provider.start("prometheus")
        assert page["labels"] == {"alertname": "SerinAnalysisBlind", "severity": "critical", **of(site)}
        assert f"{site.namespace}/{MODEL}: no usable evidence for" in page["annotations"]["description"]
        on_call.until_notified("SerinAnalysisBlind", by="pager", status="resolved")

        site.operator.kill()
        page = on_call.until_notified("SerinNoLeader", by="pager")
        assert "1 rollouts have traffic on the candidate" in page["annotations"]["description"]
        assert not {"SerinDown", "SerinAnalysisBlind"} & watcher.firing().keys(), "one page says it"
        site.operator.start()
        watcher.look_at(site.operator)
        on_call.until_notified("SerinNoLeader", by="pager", status="resolved")


def test_a_rollback_that_the_gateway_does_not_take_pages(site: Site, watcher: Watcher, on_call: OnCall) -> None:
    """The gateway's controller stands still: the weight was lowered, and nobody has accepted it."""
    site.go_live()
    with a_candidate_at_25(site):
        site.provider.stop("contour")
        try:
            site.say("Abort", "enough")
            page = on_call.until_notified("SerinRollbackStuck", by="pager")
        finally:
            site.provider.start("contour")
        assert "the candidate has 25 % of the traffic" in page["annotations"]["description"]
        assert page["annotations"]["runbook_url"] == "docs/runbooks/SerinRollbackStuck.md"
        site.until_taken_back()
        on_call.until_notified("SerinRollbackStuck", by="pager", status="resolved")
    watcher.until_over("SerinRollbackStuck")


def test_a_dead_stable_pages_until_a_fix_serves(
    site: Site, watcher: Watcher, alertmanager: Alertmanager, on_call: OnCall
) -> None:
    """Prometheus says it of the metrics, and Serin itself with its words: one group, so one page for one model."""
    with telling(site, team={"alertmanager": {"url": alertmanager.url}}) as operator:
        watcher.look_at(operator)
        site.policy()
        live_on_settings(site)
        settings_go(site)
        page = on_call.until_notified("SerinStableDown", by="pager", seconds=90)
        assert page["labels"] == {"alertname": "SerinStableDown", "severity": "critical", **of(site)}
        words = on_call.until_notified("SerinNotificationNeedsPersonNow", by="pager")
        assert words["annotations"]["runbook_url"] == page["annotations"]["runbook_url"]
        assert len({message["groupKey"] for message in on_call.messages if message["receiver"] == "pager"}) == 1
        watcher.until_fires("SerinStalled")
        until_suppressed(alertmanager, "SerinStalled")
        site.want("2")
        site.until_stable("2")
        over = on_call.until_notified("SerinStableDown", by="pager", status="resolved")
        assert over["startsAt"] == page["startsAt"] < over["endsAt"]
        on_call.until_notified("SerinNotificationNeedsPersonNow", by="pager", status="resolved")
        watcher.until_over("SerinStableDown")


@pytest.mark.usefixtures("watcher")
def test_what_does_not_proceed_is_a_ticket(site: Site, on_call: OnCall) -> None:
    """A quota leaves no room for a candidate."""
    site.go_live()
    with quota(site, 1):
        site.want("2")
        ticket = on_call.until_notified("SerinStalled", by="mail")
    assert ticket["labels"] == {
        "alertname": "SerinStalled",
        "severity": "warning",
        **of(site),
        "reason": "QuotaExceeded",
    }
    on_call.until_notified("SerinStalled", by="mail", status="resolved", seconds=90)
