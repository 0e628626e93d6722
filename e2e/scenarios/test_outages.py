"""What Serin needs fails or is lost in mid-rollout: the operator, Prometheus, a status, the ModelDeployment itself."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

import pytest

from e2e.demo.objects import API_VERSION
from e2e.deploy.cluster import wait_until
from e2e.scenarios.runbooks import commands, play
from e2e.scenarios.site import GATEWAY_API, KSERVE_API, MODEL

if TYPE_CHECKING:
    from e2e.scenarios.site import Site


def judged(site: Site) -> int:
    """Requests of the candidate that have been judged so far."""
    rollout = site.status.get("rollout") or {}
    return max((int(slo["candidate"]["total"]) for slo in rollout.get("slos", [])), default=0)


def until_routes_are_collected(site: Site) -> None:
    """Waits until the garbage collector knows routes: of new kinds it learns every 30 s.

    Before that it cannot keep what a deleted owner leaves: it takes the owner off of those objects only that it knows.
    """
    owner = {"apiVersion": API_VERSION, "kind": "ModelDeployment", "name": "nobody", "uid": str(uuid.uuid4())}
    metadata = {"name": "collected", "namespace": site.namespace, "ownerReferences": [owner]}
    site.api.apply({"apiVersion": GATEWAY_API, "kind": "HTTPRoute", "metadata": metadata, "spec": {}})
    wait_until(
        lambda: not site.api.get(GATEWAY_API, "HTTPRoute", "collected", site.namespace),
        what="the garbage collector knows HTTPRoutes",
        seconds=90,
    )


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
@pytest.mark.parametrize("phase", ["Preparing", "Progressing", "Baking", "Stable", "RolledBack"])
def test_status_lost(site: Site, phase: str) -> None:
    """It is rebuilt from the route and the records; no weight moves, and no request is lost or counted twice."""
    site.go_live()
    site.policy(bake={"for": "6s", "holdback": 5})
    bad = phase == "RolledBack"
    with site.load():
        environment = {"ERROR_RATE": "0.5", "FAULT_SEED": "1"} if bad else {"START_DELAY_S": "4"}
        site.want("2", environment=environment)
        site.until(
            lambda s: s.get("phase") == phase and (phase != "Stable" or s["stable"]["version"] == "2"),
            what=f"it is {phase}",
        )
        before = 0
        if phase == "Progressing":
            site.until_weight(25)
            wait_until(lambda: judged(site) > 50, what="some evidence", seconds=60)
            before = judged(site)
        site.api.merge(API_VERSION, "ModelDeployment/status", MODEL, namespace=site.namespace, patch={"status": None})
        site.until(lambda s: bool(s.get("phase")), what="status is rebuilt", seconds=30)
        if phase == "Progressing":
            assert (site.weights[-1], site.status["stable"]["version"]) == (25, "1")
        if bad:
            site.until(lambda s: s.get("phase") == "RolledBack", what="the rejection is remembered")
        else:
            site.until_stable("2")
    site.nobody_else_failed(but="2" if bad else "")
    assert len(site.records()) == 2, "no second attempt"
    if phase == "Progressing":
        assert site.history.weights("2")[:3] == [0, 25, 50], "no step is skipped or repeated"
        assert before <= site.records()[-1]["status"]["requests"]["availability"] <= site.requests_of("2")


@pytest.mark.matrix
@pytest.mark.parametrize("policy", ["Orphan", "Background"])
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
    until_routes_are_collected(site)
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


def take_it_back_by_hand(site: Site) -> None:
    """The first command of the runbook of that name, as it stands there."""
    play(site, next(each for each in commands() if each.page == "take-it-back-by-hand.md"), dry=False)


def test_weight_zero_by_hand(site: Site) -> None:
    """The runbook's command with the operator down is an Abort, and stays one."""
    site.go_live()
    with site.load(rate=40):
        site.want("2")
        site.until_weight(25)
        site.operator.kill()
        take_it_back_by_hand(site)
        assert site.weight() == 0
        site.operator.start()
        record = site.until_taken_back()
    site.nobody_else_failed()
    assert (record["status"]["outcome"], record["status"]["reason"]) == ("Aborted", "AbortedByHand")
    assert "field manager kubectl-patch" in record["status"]["message"], "the editor's field manager is named"
    assert site.history.weights("2") == [0, 25, 0]
