"""What Serin counts is what clients saw: read from the real Prometheus, compared with the load generator's own log."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from e2e.demo.objects import FEATURES
from e2e.deploy.cluster import wait_until
from e2e.load.analysis import by_version
from e2e.load.answer import read_log
from e2e.load.background import BackgroundLoad
from e2e.load.client import infer_body
from e2e.load.generator import LoadPlan
from e2e.load.live import Counts as LiveCounts
from e2e.scenarios.counting import POLICY, SETTLED_SECONDS, counted, growth, pair, preflight, samples, settled, windows
from e2e.scenarios.site import GATEWAY_API, MODEL
from serin.api.promotion_policy import PromotionPolicySpec
from serin.prometheus.alternatives import exported_instead
from serin.prometheus.diagnose import found_instead
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.reading import read
from serin.prometheus.server.client import Prometheus
from serin.prometheus.server.credentials import Server
from serin.prometheus.sharing.shared import Shared
from serin.schema.choices import Arms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from e2e.load.answer import Answer
    from e2e.scenarios.site import Site

FEWEST = 10_000
CRASH_AFTER = 2700
"""Requests: the candidate's pod that was not deleted gets there before the minute is over, the new one does not."""
REPLICAS = 2
"""Of both arms: the size is spec's, not a revision's."""
NOBODY = LiveCounts(0, 0)
ANSWERED = "request_predict_seconds_count"


@pytest.mark.matrix
def test_counts_equal_the_clients_log(site: Site, record_property: Callable[[str, object], None]) -> None:
    """Both arms, with errors, a pod deleted, a container restarted, and Prometheus away for five seconds meanwhile."""
    site.go_live()
    site.policy(steps=[{"weight": 50, "for": "300s", "timeout": "1h"}])
    faults = {"ERROR_RATE": "0.004", "CRASH_AFTER_REQUESTS": str(CRASH_AFTER)}
    predictor = site.model_deployment("2", environment=faults)["spec"]["predictor"]
    site.want("2", predictor={**predictor, "minReplicas": REPLICAS})
    site.until_weight(50)
    status = site.status
    isvcs = [status[arm]["workload"]["name"] for arm in ("candidate", "stable")]
    _warmed_up(site, isvcs)
    settled()
    begun = time.time()
    with site.load(rate=200):
        wait_until(lambda: time.time() > begun + 15, what="fifteen seconds of load", seconds=20)
        site.api.delete("v1", "Pod", _pods(site, isvcs[0])[0]["metadata"]["name"], site.namespace)
        wait_until(lambda: time.time() > begun + 30, what="thirty seconds of load", seconds=20)
        site.provider.stop("prometheus")
        back = time.time() + 5
        wait_until(lambda: time.time() > back, what="five seconds without a scrape", seconds=10)
        site.provider.start("prometheus")
        wait_until(lambda: time.time() > begun + 60, what="a minute of load", seconds=40)
    ended = settled()
    answers = site.answers()
    assert len(answers) >= FEWEST
    assert sum(s["restartCount"] for p in _pods(site, isvcs[0]) for s in p["status"]["containerStatuses"]) >= 1
    own = by_version(answers)
    identity = RolloutIdentity(site.namespace, *isvcs)
    window = counted(site, identity, begun - 2, ended)["availability"]
    record_property("requests", len(answers))
    record_property("client", {v: (c.failed, c.total) for v, c in own.items()})
    record_property("serin", {"2": pair(window.candidate), "1": pair(window.stable)})
    # What a dying container leaves unanswered the gateway answers, and does not say for whom: for the one that died.
    unsaid = own.get("", NOBODY)
    assert pair(window.stable) == (own["1"].failed, own["1"].total)
    assert pair(window.candidate) == (own["2"].failed + unsaid.failed, own["2"].total + unsaid.total)
    _missed_scrapes_cost_windows_only(site, identity, (begun, ended), record_property)
    _pods_say_the_same(site, identity, (begun - 2, ended), record_property)


def _missed_scrapes_cost_windows_only(
    site: Site, identity: RolloutIdentity, between: tuple[float, float], record_property: Callable[[str, object], None]
) -> None:
    """Windows without a scrape at an edge have no counts; none beside them has their requests."""
    begun, ended = map(int, between)
    grid = Grid(datetime.fromtimestamp(begun, UTC), timedelta(seconds=3), (ended - begun) // 3)
    found = windows(site, POLICY, identity, grid)["availability"]
    blind = [w for w in found if w.candidate is None]
    record_property("windows", f"{len(found)}, without counts {len(blind)}")
    assert 1 <= len(blind) <= 5
    assert max(w.candidate.total + w.stable.total for w in found if w.candidate and w.stable) < 3 * 200 * 1.6


def _pods_say_the_same(
    site: Site, identity: RolloutIdentity, between: tuple[float, float], record_property: Callable[[str, object], None]
) -> None:
    """Preset Pod: stable exactly; the candidate but for what its processes answered after their last scrape."""
    policy = POLICY.model_copy(update={"arms": Arms.POD})
    grid = Grid(datetime.fromtimestamp(int(between[0]), UTC), timedelta(seconds=int(between[1]) - int(between[0])), 1)
    [window] = windows(site, policy, identity, grid)["availability"]
    own, gaps = by_version(site.answers()), _unscraped(site, identity, between)
    dying = [a for a in site.answers() if a.version == "2" and any(first < a.at <= last for first, last in gaps)]
    assert window.candidate is not None
    lost = own["2"].total - window.candidate.total
    record_property("pods", {"2": pair(window.candidate), "1": pair(window.stable), "lost": lost, "ends": len(gaps)})
    assert pair(window.stable) == (own["1"].failed, own["1"].total)
    assert 0 <= lost <= len(dying)
    assert len(gaps) >= 2


def _unscraped(site: Site, identity: RolloutIdentity, between: tuple[float, float]) -> list[tuple[float, float]]:
    """From the last sample of each process of the candidate that ended to when it can have answered last."""
    _, ended = map(int, between)
    found = samples(site, f'{ANSWERED}{{namespace="{identity.namespace}",pod=~"{identity.candidate}-.*"}}', between)
    resets = [
        (s.times[i], s.times[i + 1]) for s in found for i in range(len(s.times) - 1) if s.values[i + 1] < s.values[i]
    ]
    return resets + [(s.times[-1], s.times[-1] + 2) for s in found if s.times[-1] < ended - SETTLED_SECONDS]


def _pods(site: Site, isvc: str) -> list[dict[str, Any]]:
    return site.api.list("v1", "Pod", site.namespace, f"serving.kserve.io/inferenceservice={isvc}")


def _warmed_up(site: Site, isvcs: Sequence[str]) -> None:
    """Whoever counts has done so before: Envoy from its first increment on, a pod from when Prometheus has found it.

    Without a value before the window there is nothing to start from.
    """
    plan = LoadPlan(site.provider.gateway_url, site.host, MODEL, infer_body(FEATURES), rate=50)

    def found() -> bool:
        pods, now = {pod["metadata"]["name"] for isvc in isvcs for pod in _pods(site, isvc)}, time.time()
        counting = samples(site, f'{ANSWERED}{{namespace="{site.namespace}"}}', (now - 5, now))
        return len(pods) == len(isvcs) * REPLICAS and pods <= {series.labels["pod"] for series in counting}

    with BackgroundLoad(plan, site.folder / "warm-up.csv"):
        begun = time.time()
        wait_until(lambda: time.time() > begun + 3, what="three seconds of load", seconds=5)
        wait_until(found, what="Prometheus has found every pod", seconds=40)


@pytest.mark.matrix
def test_what_never_reaches_a_backend_is_counted_as_clients_see_it(site: Site) -> None:
    """No endpoints, connection refused, the route's timeout: bad in availability; a timeout is slow, too."""
    site.go_live()
    [live] = site.services()
    pod = site.api.list("v1", "Pod", site.namespace)[0]["status"]["podIP"]
    _service(site, "nobody", endpoints=None)
    _service(site, "refused", endpoints=(pod, 9))
    rows = {"nobody": 503, "refused": 503}
    for name, status in rows.items():
        host = f"{name}.{site.namespace}.example.com"
        _route(site, name, host, timeout="2s")
        answers, begun, ended = _asked(site, host, {status})
        found = counted(site, RolloutIdentity(site.namespace, name, live["metadata"]["name"]), begun, ended)
        assert {a.status for a in answers} == {status}
        assert pair(found["availability"].candidate) == (len(answers), len(answers)), name
    site.want("2", environment={"LATENCY_MS": "3000"})
    site.until(lambda s: bool(s.get("candidate")), what="version 2 is coming up")
    slow = site.status["candidate"]["workload"]["name"]
    wait_until(lambda: site.ready_endpoints("2") > 0, what="version 2 is ready", seconds=60)
    host = f"slow.{site.namespace}.example.com"
    _route(site, slow, host, timeout="1s", route="slow")
    answers, begun, ended = _asked(site, host, {504})
    found = counted(site, RolloutIdentity(site.namespace, slow, live["metadata"]["name"]), begun, ended)
    assert {a.status for a in answers} == {504}
    assert pair(found["availability"].candidate) == (len(answers), len(answers))
    assert pair(found["latency"].candidate) == (len(answers), len(answers))


RETRIES = 2
RQ_TOTAL, RQ_RETRY = "envoy_cluster_upstream_rq_total", "envoy_cluster_upstream_rq_retry"


@pytest.mark.matrix
def test_a_request_that_the_gateway_tries_again_counts_once(
    site: Site, record_property: Callable[[str, object], None]
) -> None:
    """Half of all answers are errors, and the gateway asks again: what counts is what clients got in the end."""
    site.policy()
    site.want("1", environment={"ERROR_RATE": "0.5", "FAULT_SEED": "1"})
    site.until_stable("1")
    [live] = site.services()
    isvc = live["metadata"]["name"]
    host = f"again.{site.namespace}.example.com"
    service = {"name": f"{isvc}-predictor", "port": 80}
    spec = {
        "virtualhost": {"fqdn": host},
        "routes": [{"services": [service], "retryPolicy": {"count": RETRIES, "retryOn": ["5xx"]}}],
    }
    metadata = {"name": "again", "namespace": site.namespace}
    site.api.apply({"apiVersion": "projectcontour.io/v1", "kind": "HTTPProxy", "metadata": metadata, "spec": spec})
    answers, begun, ended = _asked(site, host, {200, 500})
    found = counted(site, RolloutIdentity(site.namespace, isvc, "nobody"), begun, ended)
    failed = sum(a.failed for a in answers)
    sent = {
        name: growth(site, name, f"{site.namespace}_{isvc}-predictor_80", (begun, ended))
        for name in (RQ_TOTAL, RQ_RETRY)
    }
    record_property("client", (failed, len(answers)))
    record_property("serin", pair(found["availability"].candidate))
    record_property("envoy", sent)
    assert 0 < failed < len(answers) / 2
    assert sent[RQ_RETRY] > 0
    assert sent[RQ_TOTAL] == len(answers) + sent[RQ_RETRY], "what Envoy sent is more than what it was asked"
    assert pair(found["availability"].candidate) == (failed, len(answers))
    assert pair(found["latency"].candidate) == (0, len(answers))
    plan = LoadPlan(site.provider.gateway_url, host, MODEL, infer_body(FEATURES), rate=20)
    with BackgroundLoad(plan, site.folder / "preflight.csv"):
        # Before that it says that it cannot say anything yet.
        wait_until(lambda: preflight(site)["stable"]["minutes"] >= 1, what="a whole minute is counted", seconds=150)
    slo = preflight(site)
    record_property("preflight", slo["stable"])
    assert (slo["arms"], slo["problem"], slo["unproven"], slo["warning"]) == ("Contour", "", False, "")
    assert slo["stable"]["sampleAgeSeconds"] < 5
    assert 0 < slo["stable"]["badShare"] < 0.5


def _service(site: Site, name: str, endpoints: tuple[str, int] | None) -> None:
    metadata = {"name": f"{name}-predictor", "namespace": site.namespace}
    spec = {"ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    site.api.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    if endpoints is None:
        return
    address, port = endpoints
    labels = {"kubernetes.io/service-name": f"{name}-predictor"}
    site.api.apply(
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata, "labels": labels},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        }
    )


def _route(site: Site, backend: str, host: str, *, timeout: str, route: str = "") -> None:
    rule = {
        "backendRefs": [{"name": f"{backend}-predictor", "port": 80}],
        "timeouts": {"request": timeout},
    }
    spec: dict[str, Any] = {
        "parentRefs": [{"name": "models", "namespace": "gateways"}],
        "hostnames": [host],
        "rules": [rule],
    }
    metadata = {"name": f"row-{route or backend}", "namespace": site.namespace}
    site.api.apply({"apiVersion": GATEWAY_API, "kind": "HTTPRoute", "metadata": metadata, "spec": spec})


def _asked(site: Site, host: str, statuses: set[int]) -> tuple[list[Answer], float, float]:
    """Requests to one host for a few seconds, once it gives these answers; when that began and was scraped."""
    plan = LoadPlan(site.provider.gateway_url, host, MODEL, infer_body(FEATURES), rate=20)
    log = site.folder / f"{host}.csv"

    def known() -> bool:
        with BackgroundLoad(plan, log):
            now = time.time()
            wait_until(lambda: time.time() > now + 1.5, what="a second and a half", seconds=5)
        return {a.status for a in read_log(log)} == statuses

    wait_until(known, what=f"the gateway answers {statuses} for {host}", seconds=40)
    begun = settled()
    with BackgroundLoad(plan, log):
        wait_until(lambda: time.time() > begun + 5, what="five seconds of load", seconds=10)
    return list(read_log(log)), begun - 1, settled()


INDICATORS: list[dict[str, Any]] = [
    {"availability": {}},
    {"latency": {"threshold": "500ms"}},
    {"ratio": {"bad": 'x_total{code=~"5.."}', "total": 'x_total{ns="$(namespace)"}'}},
    {"histogram": {"selector": 'x_seconds{path="/v1"}', "threshold": "250ms"}},
    {"query": {"sum": "s", "count": "c", "maxShift": "1"}},
    {"latency": {"threshold": "500ms", "ladder": ["250us", "100ms", "30m"]}},
    {"ratio": {"bad": ["a_total", "b_total"], "good": 'c_total + d_total{code="200"}'}},
    {"ratio": {"good": "g_total", "total": "t_total", "armLabel": {"name": "version", "value": "Version"}}},
    {"histogram": {"selector": "x_us_bucket", "threshold": "250us", "unit": "1us", "ladder": ["1s48576us"]}},
    {"query": {"sum": "s", "count": "c", "maxShift": "1", "armLabel": {"name": "revision", "value": "Revision"}}},
    {"gauge": {"query": 'up{instance=~"$(inferenceService).*"}', "max": "2"}},
    {"gauge": {"query": 'max(max_over_time(up{v!="$(version)"}[$(window)]))', "max": "2"}},
]


@pytest.mark.parametrize("arms", ["Contour", "Istio", "Pod"])
def test_the_real_server_accepts_every_query(site: Site, arms: str) -> None:
    """Of every preset and every kind of indicator, and those that preflight asks."""
    identity = RolloutIdentity(site.namespace, "fraud-1a2b3c4d", "fraud-5e6f7a8b", revision="1a2b3c4d", version="4.2")

    async def ask(indicator: dict[str, Any]) -> None:
        counts = not {"gauge", "query"} & indicator.keys()
        slo = {"name": "x", "indicator": indicator, **({"objective": "99.0"} if counts else {})}
        steps = [{"weight": 5, "for": "1m"}]
        policy = PromotionPolicySpec.model_validate({"arms": arms, "slos": [slo], "steps": steps})
        server = Server(url=site.provider.prometheus_url)
        prometheus = Prometheus(server)
        now = datetime.now(UTC).replace(microsecond=0)
        try:
            metrics = Shared(prometheus, server).of(identity.namespace)
            grid = Grid(now - timedelta(seconds=15), timedelta(seconds=15), 1)
            [found] = await read(metrics, policy, policy.slos[0], identity, grid)
            assert not found.error
            if "gauge" not in indicator:
                assert await found_instead(metrics, policy, policy.slos[0], identity, now)
            if {"ratio", "histogram", "query"} & indicator.keys():
                assert await exported_instead(metrics, policy, policy.slos[0], identity, now)
        finally:
            prometheus.close()

    for indicator in INDICATORS:
        asyncio.run(ask(indicator))


@pytest.mark.matrix
def test_pods_own_metrics_tell_the_arms_apart(site: Site, record_property: Callable[[str, object], None]) -> None:
    """Preset Pod: a promotion, a rollback, and the pods' counts beside the clients' log."""
    site.go_live()
    slos = [
        {"name": "availability", "objective": "99.0", "indicator": {"availability": {}}},
        {
            "name": "latency",
            "severity": "Advisory",
            "objective": "99.0",
            "indicator": {"latency": {"threshold": "500ms"}},
        },
        {
            "name": "own",
            "severity": "Required",
            "objective": "99.0",
            "indicator": {"histogram": {"selector": "request_predict_seconds", "threshold": "1s"}},
        },
        {"name": "up", "severity": "Required", "indicator": {"gauge": {"query": "min(up)", "min": "0"}}},
    ]
    site.policy(arms="Pod", slos=slos)
    with site.load(rate=100):
        site.want("2")
        site.until_stable("2")
        site.want("3", environment={"ERROR_RATE": "0.3", "FAULT_SEED": "1"})
        record = site.until_taken_back()
    site.nobody_else_failed(but="3")
    assert site.history.weights("2")[:4] == [0, 25, 50, 100]
    assert record["status"]["reason"] == "SLOBreached"
    promoted = site.records()[1]["status"]
    record_property("judged_of_2", promoted["requests"])
    assert 0 < promoted["requests"]["availability"] <= site.requests_of("2")
