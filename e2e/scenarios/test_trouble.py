"""Things break at the worst moment: nothing is lost, doubled, or moved without evidence."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from e2e.demo.objects import API_VERSION
from e2e.deploy import OperatorProcess
from e2e.deploy.cluster import wait_until
from e2e.deploy.errors import RefusedError
from e2e.scenarios.metrics import reading
from e2e.scenarios.site import GATEWAY_API, KSERVE_API, MODEL

if TYPE_CHECKING:
    from e2e.scenarios.site import Site


def judged(site: Site) -> int:
    """Requests of the candidate that have been judged so far."""
    rollout = site.status.get("rollout") or {}
    return max((int(slo["candidate"]["total"]) for slo in rollout.get("slos", [])), default=0)


def test_operator_killed_in_mid_step(site: Site) -> None:
    site.go_live()
    with site.load():
        site.want("2")
        site.until_weight(25)
        wait_until(lambda: judged(site) > 100, what="some evidence", seconds=60)
        before = judged(site)
        site.operator.kill()
        assert site.weight() == 25
        site.operator.start()
        wait_until(lambda: judged(site) >= before, what="the evidence is there again", seconds=30)
        site.until_stable("2")
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 50, 100], "no step is skipped or repeated"
    assert site.outcomes()[-1] == "Promoted"
    outcome = site.records()[-1]["status"]
    assert before <= outcome["requests"]["availability"] <= site.requests_of("2"), "nothing is lost or counted twice"


@pytest.mark.matrix
def test_prometheus_stopped_for_a_while(site: Site) -> None:
    site.go_live()
    with site.load():
        site.want("2")
        site.until_weight(25)
        site.provider.stop("prometheus")
        try:
            site.until(lambda _: site.reason in {"MetricsUnavailable", "NoData"}, what="the hold is told")
            held_since = time.monotonic()
            wait_until(lambda: time.monotonic() - held_since > 10, what="ten seconds", seconds=15)
            assert site.look()["phase"] == "Progressing"
            assert site.weights[-1] == 25
        finally:
            site.provider.start("prometheus")
        site.until_stable("2")
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 50, 100]
    assert "RollingBack" not in site.history.phases()


@pytest.mark.matrix
def test_status_lost_in_mid_step(site: Site) -> None:
    site.go_live()
    with site.load():
        site.want("2")
        site.until_weight(25)
        wait_until(lambda: judged(site) > 50, what="some evidence", seconds=60)
        before = judged(site)
        lost: dict[str, Any] = {"status": None}
        site.api.merge(API_VERSION, "ModelDeployment/status", MODEL, namespace=site.namespace, patch=lost)
        site.until(lambda s: bool(s.get("phase")), what="status is rebuilt", seconds=30)
        assert site.weights[-1] == 25
        assert site.status["stable"]["version"] == "1"
        site.until_stable("2")
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 50, 100]
    assert len(site.records()) == 2
    assert before <= site.records()[-1]["status"]["requests"]["availability"] <= site.requests_of("2")


@pytest.mark.parametrize("policy", [pytest.param("Orphan", marks=pytest.mark.matrix), "Background"])
def test_recreated_when_rejected(site: Site, policy: str) -> None:
    """Deleted and created again with the revision that was taken back: what was stable serves, nothing else."""
    site.go_live()
    bad = {"ERROR_RATE": "0.5"}
    with site.load():
        site.want("3", environment=bad)
        site.until_taken_back()
        wait_until(
            lambda: len(site.api.list(KSERVE_API, "InferenceService", site.namespace)) == 1,
            what="the candidate's InferenceService is gone",
            seconds=60,
        )
    serving = site.stable_backend()
    with site.load():
        site.api.delete(API_VERSION, "ModelDeployment", MODEL, site.namespace, propagation=policy)
        wait_until(lambda: not site.obj, what="the ModelDeployment is gone", seconds=30)
        if policy == "Background":
            wait_until(lambda: not site.route, what="its route is collected", seconds=60)
        site.want("3", environment=bad)
        site.until(lambda s: s.get("phase") == "RolledBack", what="the rejection is remembered", seconds=60)
        wait_until(lambda: bool(site.route), what="the route is there", seconds=60)
    assert site.stable_backend() == serving
    assert site.status["stable"]["version"] == "1"
    assert len(site.records()) == 2, "not tried again"
    if policy == "Orphan":
        site.nobody_else_failed()
    assert site.requests_of("3") == 0


def test_weight_zero_by_hand(site: Site) -> None:
    """The runbook's command with the operator down is an Abort, and stays one."""
    site.go_live()
    with site.load(rate=40):
        site.want("2")
        site.until_weight(25)
        site.operator.kill()
        rules = site.route["spec"]["rules"]
        rules[0]["backendRefs"][1]["weight"] = 0
        site.api.merge(GATEWAY_API, "HTTPRoute", MODEL, namespace=site.namespace, patch={"spec": {"rules": rules}})
        assert site.weight() == 0
        site.operator.start()
        record = site.until_taken_back()
    site.nobody_else_failed()
    assert (record["status"]["outcome"], record["status"]["reason"]) == ("Aborted", "AbortedByHand")
    assert "python-httpx" in record["status"]["message"], "the editor's field manager is named"
    assert site.history.weights("2") == [0, 25, 0]


def test_bad_policy_refused(site: Site) -> None:
    """One for all: every rule and its message stand in the integration tests' tables."""
    with pytest.raises(RefusedError, match="weights must rise from step to step"):
        site.policy(steps=[{"weight": 50, "for": "1s"}, {"weight": 5, "for": "1s"}])


def test_told_in_a_condition(site: Site) -> None:
    """What admission cannot see is a condition with one clear message, and costs nothing that serves."""
    site.go_live()
    site.want("2", policyRef={"name": "nobody"})
    site.until(lambda _: site.reason == "PolicyMissing", what="the missing policy is told")
    assert "nobody does not exist" in site.status["message"]
    site.policy(prometheus={"address": "http://elsewhere:9090"})
    site.want("2")
    site.until(lambda _: site.reason == "PolicyInvalid", what="the address is refused")
    assert "allow-list" in site.status["message"]
    predictor = site.model_deployment("2")["spec"]["predictor"]
    site.want("2", predictor={**predictor, "labels": {"serin.dev/x": "y"}})
    site.until(lambda _: site.reason == "SpecInvalid", what="the reserved label is told")
    site.want("2", predictor={**predictor, "minReplicas": 3, "maxReplicas": 1})
    site.until(lambda _: site.reason == "RenderRefused", what="KServe's refusal is told")
    assert site.status["stable"]["version"] == "1"
    assert site.weight() == 0


def test_names_that_are_too_long_together(site: Site) -> None:
    """Admission sees the name alone; with its namespace it may not fit into what KServe derives from both."""
    item = site.model_deployment("1")
    item["metadata"]["name"] = name = "f" * 42
    site.api.apply(item)

    def told() -> bool:
        status = (site.api.get(API_VERSION, "ModelDeployment", name, site.namespace) or {}).get("status") or {}
        return "characters together, at most 43 fit" in status.get("message", "")

    wait_until(told, what="the length is told", seconds=20)
    assert not site.services(), "nothing was begun"
    site.api.delete(API_VERSION, "ModelDeployment", name, site.namespace)


def test_idle_writes_nothing(site: Site) -> None:
    site.go_live()

    def versions() -> dict[str, str]:
        kinds = ((API_VERSION, "ModelDeployment"), (API_VERSION, "PromotionRecord"), (KSERVE_API, "InferenceService"))
        items = [o for a, k in (*kinds, (GATEWAY_API, "HTTPRoute")) for o in site.api.list(a, k, site.namespace)]
        return {f"{o['kind']}/{o['metadata']['name']}": o["metadata"]["resourceVersion"] for o in items}

    seen = [versions()]

    def settled() -> bool:
        seen.append(versions())
        return len(seen) > 20 and all(v == seen[-1] for v in seen[-20:])

    wait_until(settled, what="everything has come to rest", seconds=60)
    site.operator.stop()
    eager = replace(site.operator.settings, extra=(("SERIN_RESYNC", "1s"),))
    with OperatorProcess(eager) as operator:
        before, queries = versions(), reading(f"{site.provider.prometheus_url}/metrics", QUERIES)
        passes = reading(f"{operator.health_url}/metrics", PASSES)
        wait_until(
            lambda: reading(f"{operator.health_url}/metrics", PASSES) >= passes + 5,
            what="five looks at it",
            seconds=30,
        )
    assert versions() == before
    assert reading(f"{site.provider.prometheus_url}/metrics", QUERIES) == queries


QUERIES = 'prometheus_http_requests_total{code="200",handler="/api/v1/query'
PASSES = 'serin_reconcile_total{result="ok"}'
