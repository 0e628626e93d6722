"""Envoy Gateway as the gateway, on its own control plane and the Envoy that it starts: what clients get, and counts."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from e2e.deploy.cluster import wait_until
from e2e.load.analysis import failures_except
from e2e.sandbox.envoygateway.workloads import NAMESPACE
from e2e.scenarios.counting import preflight
from e2e.scenarios.provider import ENVOY_GATEWAY
from e2e.scenarios.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.matrix, pytest.mark.needs(ENVOY_GATEWAY)]

AVAILABILITY = {"name": "availability", "objective": "99.0", "indicator": {"availability": {}}}
LATENCY = {"name": "latency", "objective": "90.0", "indicator": {"latency": {"threshold": "1s"}}}
CLIENT_ERRORS = {"name": "client-errors", "indicator": {"clientErrors": {}}}
PREVIEW = {"header": {"name": "x-preview", "value": "candidate"}, "for": "15s"}
"""While it lasts Envoy has the candidate's cluster: it need not be made at the first weight."""


class EnvoyGatewaySite(Site):
    """A site behind Envoy Gateway."""

    def without_a_cluster(self, version: str) -> int:
        """How many requests Envoy answered itself since the cluster came later than the route; no others failed.

        Envoy Gateway makes a Service's cluster with its first weight, and sends it and the route one after the other.
        """
        answers = self.answers()
        first = min((answer.sent for answer in answers if answer.version == version), default=0.0)
        failed = failures_except(answers, version)
        others = [answer for answer in failed if answer.status != 500 or not -1 < answer.sent - first < 1]
        assert not others, f"{len(others)} of {len(answers)} failed, the first: {others[0]}"
        return len(failed)


@pytest.fixture
def gateway(site: Site) -> EnvoyGatewaySite:
    """The site of the scenario, behind Envoy Gateway."""
    return EnvoyGatewaySite.of(site)


@pytest.mark.parametrize("previewed", [False, True], ids=["at once", "after a preview"])
def test_a_good_version_is_promoted_by_what_envoy_gateways_envoy_counts(
    gateway: EnvoyGatewaySite, record_property: Callable[[str, object], None], *, previewed: bool
) -> None:
    site = gateway
    site.go_live()
    site.policy(slos=[AVAILABILITY, LATENCY, CLIENT_ERRORS], **({"preview": PREVIEW} if previewed else {}))
    with site.load():
        site.want("2")
        site.until_stable("2")
    if previewed:
        site.nobody_else_failed()
    else:
        record_property("without_a_cluster", site.without_a_cluster("2"))
    assert site.history.weights("2") == [0, 25, 50, 100]
    assert site.outcomes()[-1] == "Promoted"
    counted = site.records()[-1]["status"]["requests"]
    record_property("counted", counted["availability"])
    assert all(0 < counted[name] <= site.requests_of("2") for name in ("availability", "latency"))


@pytest.mark.parametrize("previewed", [False, True], ids=["at once", "after a preview"])
def test_a_breach_is_taken_back_and_the_next_version_gets_none_of_its_counts(
    gateway: EnvoyGatewaySite, record_property: Callable[[str, object], None], *, previewed: bool
) -> None:
    site = gateway
    site.go_live()
    site.policy(**({"preview": PREVIEW} if previewed else {}))
    with site.load():
        site.want("3", environment={"ERROR_RATE": "0.2"})
        record = site.until_taken_back()
    if previewed:
        site.nobody_else_failed(but="3")
    else:
        record_property("without_a_cluster", site.without_a_cluster("3"))
    assert record["status"]["reason"] == "SLOBreached"
    assert site.history.weights("3") == [0, 25, 0]
    bad, counted = (record["status"][name]["availability"] for name in ("badRequests", "requests"))
    record_property("counted", f"{bad} bad of {counted}")
    assert 0 < bad <= counted <= site.requests_of("3") < 600
    with site.load():
        site.want("2")
        site.until_stable("2", never_back=False)  # at the first look it may still be RolledBack
    site.without_a_cluster("2")
    assert site.requests_of("3") == 0


def test_a_version_that_never_becomes_ready_answers_nobody(gateway: EnvoyGatewaySite) -> None:
    site = gateway
    site.go_live()
    site.policy(prepareTimeout="30s")
    with site.load(rate=30):
        site.want("9", environment={"FAIL_LOAD": "1"})
        record = site.until_taken_back(seconds=200)
    site.nobody_else_failed()
    assert site.requests_of("9") == 0
    assert record["status"]["reason"] in {"ModelLoadFailed", "CandidateCrashed", "PrepareTimeout"}


@pytest.mark.parametrize("weight", [0, 25])
def test_an_operator_that_is_killed_in_mid_step_goes_on(
    gateway: EnvoyGatewaySite, record_property: Callable[[str, object], None], weight: int
) -> None:
    site = gateway
    site.go_live()
    with site.load():
        site.want("2")
        site.restart_on_trial(weight)
        site.until_stable("2")
    record_property("without_a_cluster", site.without_a_cluster("2"))


def test_without_a_cluster_for_each_service_nothing_starts_and_the_setting_is_named(gateway: EnvoyGatewaySite) -> None:
    site = gateway
    with one_cluster_for_both_arms(site):
        site.go_live()
        with site.load():
            wait_until(lambda: "mergeBackends" in preflight(site)["problem"], what="preflight says it", seconds=150)
            site.want("2")
            site.until(lambda _: site.reason == "AnalysisNotReady", what="the hold is told", seconds=60)
            assert "mergeBackends" in site.status["message"]
            assert site.weight() == 0
        site.nobody_else_failed()
    with site.load():  # while every cluster gets another name, some of it fails
        site.until_stable("2")


@contextmanager
def one_cluster_for_both_arms(site: Site) -> Iterator[None]:
    """Envoy Gateway as it is without a setting of its own."""
    proxy = ("gateway.envoyproxy.io/v1alpha1", "EnvoyProxy", "models")
    change = partial(site.api.merge, *proxy, namespace=NAMESPACE)
    change(patch={"spec": {"mergeBackends": None}})
    try:
        yield
    finally:
        change(patch={"spec": {"mergeBackends": {}}})
