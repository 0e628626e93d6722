"""Each alert fires for its cause, reaches whom the docs' routes say, and ends when the cause does.

Serin's rules as they are shipped, in a copy with shorter times (``watcher.soon``), in a real Prometheus; the routes of
docs/operations/monitoring.md in a real Alertmanager; behind it a receiver that keeps what it is sent.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from e2e.demo.objects import API_VERSION, FEATURES
from e2e.deploy.cluster import wait_until
from e2e.deploy.process import OperatorProcess
from e2e.load.background import BackgroundLoad
from e2e.load.client import infer_body
from e2e.load.generator import LoadPlan
from e2e.scenarios.causes import live_on_settings, quota, settings_go, without_right
from e2e.scenarios.proxy import Fault, asks
from e2e.scenarios.scraped import exported_value
from e2e.scenarios.site import GATEWAY_API, MODEL
from e2e.scenarios.telling import telling
from e2e.scenarios.test_faults import through_a_proxy
from e2e.scenarios.told import HttpReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.deploy.cluster import Json
    from e2e.scenarios.alertmanager import Alertmanager, OnCall
    from e2e.scenarios.site import Site
    from e2e.scenarios.watcher import Watcher

pytestmark = pytest.mark.matrix
AVAILABILITY = {"name": "availability", "objective": "99.0", "indicator": {"availability": {}}}
LONG = [{"weight": 25, "for": "10m", "timeout": "1h"}]


@contextmanager
def a_candidate_at_25(site: Site, **policy: object) -> Iterator[None]:
    """Version 2 has a quarter of the traffic, and stays there."""
    site.policy(steps=LONG, **policy)
    with site.load(rate=40):
        site.want("2")
        site.until_weight(25)
        site.until(lambda s: s["weights"]["applied"] == 25, what="the gateway has accepted 25 %")
        yield


def verdict(status: Json, slo: str) -> str:
    """What the judge says of one SLO in the rollout under way."""
    slos = (status.get("rollout") or {}).get("slos", [])
    return next((str(found["verdict"]) for found in slos if found["name"] == slo), "")


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
    assert "SerinStalled" not in on_call.alerts_of("mail"), "a revision that is refused is no ticket"


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
            alertmanager.until_suppressed("SerinHeldLong")
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
        alertmanager.until_suppressed("SerinStalled")
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


def test_a_missing_operator_is_a_ticket_where_no_candidate_has_traffic(
    site: Site, watcher: Watcher, on_call: OnCall
) -> None:
    site.go_live()
    wait_until(lambda: watcher.query("max(serin_leading)") == {(): 1.0}, what="it is seen to lead", seconds=30)
    assert "SerinDown" not in on_call.alerts_of("mail")
    site.operator.kill()
    ticket = on_call.until_notified("SerinDown", by="mail")
    assert ticket["labels"] == {"alertname": "SerinDown", "severity": "warning"}
    site.operator.start()
    watcher.look_at(site.operator)
    on_call.until_notified("SerinDown", by="mail", status="resolved")
    assert on_call.alerts_of("pager") == set()


@pytest.mark.usefixtures("watcher")
def test_stable_that_burns_after_a_rollback_pages(site: Site, on_call: OnCall) -> None:
    """The candidate was taken back by a person, who blamed it; the errors were stable's."""
    site.policy()
    site.want("1", environment={"ERROR_RATE": "0.4", "FAULT_SEED": "1"})
    site.until_stable("1")
    with a_candidate_at_25(site):
        site.say("Abort", "blamed")
        site.until_taken_back()
        page = on_call.until_notified("SerinStillBurningAfterRollback", by="pager")
    assert page["labels"] == {"alertname": "SerinStillBurningAfterRollback", "severity": "critical", **of(site)}
    assert "the candidate was not the cause" in page["annotations"]["description"]


@pytest.mark.usefixtures("watcher")
def test_requests_that_do_not_follow_the_weight_are_a_ticket(site: Site, on_call: OnCall) -> None:
    """Somebody's own route gives the candidate more than its weight."""
    site.go_live()
    with a_candidate_at_25(site):
        host = f"try.{site.namespace}.example.com"
        candidate = site.status["candidate"]["workload"]["name"]
        route = {
            "apiVersion": GATEWAY_API,
            "kind": "HTTPRoute",
            "metadata": {"name": "try", "namespace": site.namespace},
            "spec": {
                "parentRefs": [{"name": "models", "namespace": "gateways"}],
                "hostnames": [host],
                "rules": [{"backendRefs": [{"name": f"{candidate}-predictor", "port": 80}]}],
            },
        }
        site.api.apply(route)
        plan = LoadPlan(site.provider.gateway_url, host, MODEL, infer_body(FEATURES), rate=60)
        with BackgroundLoad(plan, site.folder / "past.csv"):
            ticket = on_call.until_notified("SerinTrafficSplitMismatch", by="mail", seconds=90)
            held = on_call.until_notified("SerinHeldLong", by="mail", seconds=90)
        site.api.delete(GATEWAY_API, "HTTPRoute", "try", site.namespace)
    assert ticket["labels"] == {"alertname": "SerinTrafficSplitMismatch", "severity": "warning", **of(site)}
    assert held["labels"]["reason"] == "TrafficSplit"


@pytest.mark.usefixtures("watcher")
def test_a_drift_metric_that_is_no_longer_exported_is_a_ticket(site: Site, on_call: OnCall) -> None:
    """The rollout goes on without an Advisory SLO: nothing but the alert tells that nobody compares its number."""
    query = f'fraud_drift_psi{{namespace="{site.namespace}"}}'
    drift = {
        "name": "drift",
        "severity": "Advisory",
        "indicator": {"gauge": {"query": query, "max": "0.2", "maxAge": "5s"}},
    }
    site.go_live()
    with exported_value(site, "fraud_drift_psi", 0.05) as export, a_candidate_at_25(site, slos=[AVAILABILITY, drift]):
        site.until(lambda s: verdict(s, "drift") == "Pass", what="drift is seen, and small", seconds=60)
        assert "SerinIndicatorStale" not in on_call.alerts_of("mail")
        export.stop()
        ticket = on_call.until_notified("SerinIndicatorStale", by="mail", seconds=90)
        assert verdict(site.status, "availability") != "NoData", "that one goes on"
        export.start()
        on_call.until_notified("SerinIndicatorStale", by="mail", status="resolved", seconds=90)
    assert ticket["labels"] == {"alertname": "SerinIndicatorStale", "severity": "warning", **of(site), "slo": "drift"}
    assert "drift has had no usable value for" in ticket["annotations"]["description"]
    assert not on_call.alerts_of("pager")


def test_rights_that_are_taken_away_are_tickets(site: Site, watcher: Watcher, on_call: OnCall) -> None:
    """Somebody's edit of the role: what was decided cannot be written, and the next process says what it lacks."""
    site.go_live()
    with a_candidate_at_25(site):
        with without_right(site, "patch", "httproutes"):
            site.say("Abort", "enough")
            ticket = on_call.until_notified("SerinWritesRejected", by="mail", seconds=90)
            on_call.until_notified("SerinRollbackStuck", by="pager")
            assert isinstance(site.operator, OperatorProcess)
            site.operator.stop()
            site.operator.launch()  # it is not ready: that is told, too
            watcher.look_at(site.operator)
            lacking = on_call.until_notified("SerinPermissionsMissing", by="mail")
        site.until_taken_back()
        on_call.until_notified("SerinWritesRejected", by="mail", status="resolved")
        on_call.until_notified("SerinPermissionsMissing", by="mail", status="resolved", seconds=90)
    assert ticket["labels"] | of(site) == ticket["labels"]
    assert ticket["labels"]["reason"] == "PermissionMissing"
    # GRPCRoutes stand in the same rule of the role.
    assert "2 permissions are missing" in lacking["annotations"]["description"]


def test_a_lost_record_and_a_receiver_that_takes_nothing_are_tickets(
    site: Site, watcher: Watcher, on_call: OnCall
) -> None:
    deaf = HttpReceiver()
    deaf.down = True
    with deaf, telling(site, pipeline={"cloudEvents": {"url": deaf.url}}) as operator:
        watcher.look_at(operator)
        site.go_live()
        for version in ("2", "3"):
            site.want(version)
            site.until(lambda s: bool(s.get("candidate")), what=f"version {version} is a candidate")
            site.say("Abort", f"enough-of-{version}")
            site.until_taken_back()
        assert site.outcomes() == ["Promoted", "Aborted", "Aborted"]
        site.api.delete(API_VERSION, "PromotionRecord", site.records()[1]["metadata"]["name"], site.namespace)
        broken = on_call.until_notified("SerinRecordChainBroken", by="mail")
        failing = on_call.until_notified("SerinReceiverFails", by="mail")
        deaf.down = False
        on_call.until_notified("SerinReceiverFails", by="mail", status="resolved", seconds=130)
    assert broken["labels"] == {"alertname": "SerinRecordChainBroken", "severity": "warning", **of(site)}
    assert failing["labels"]["receiver"] == "pipeline"


def test_passes_that_fail_are_a_ticket(site: Site, watcher: Watcher, on_call: OnCall) -> None:
    """The API server takes no status."""
    with through_a_proxy(site) as (proxy, operator):
        watcher.look_at(operator)
        site.go_live()
        with a_candidate_at_25(site):
            fault = Fault(asks("update", "modeldeployments/status"), status=500)
            proxy.faults.append(fault)
            ticket = on_call.until_notified("SerinPassesFail", by="mail", seconds=90)
            proxy.faults.remove(fault)
            on_call.until_notified("SerinPassesFail", by="mail", status="resolved", seconds=90)
    assert ticket["labels"]["result"] == "error"
