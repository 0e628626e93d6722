"""Somebody exports counters under the gateway's names: no revision is promoted and none is taken back by them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2e.deploy import OperatorProcess
from e2e.deploy.cluster import wait_until
from e2e.deploy.process import GATEWAYS_SERIES
from e2e.scenarios.counting import preflight
from e2e.scenarios.forger import cluster_of, exported, forged
from e2e.scenarios.site import MODEL
from serin.api.revision import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.scenarios.site import Site

BROKEN = {"ERROR_RATE": "0.3", "FAULT_SEED": "1"}
RATE = 120
"""Requests a second that clients send."""
DROWNING = 2500
"""Good requests a second for the candidate: its 30 % errors are 0.4 % then, within the objective."""
BLAME = 50
"""Bad requests a second for the candidate: more than it answers."""
HELD_SECONDS = 8


@pytest.fixture
def elsewhere(site: Site) -> Iterator[str]:
    """A namespace of another team."""
    name = f"{site.namespace}-evil"
    site.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    site.api.delete("v1", "Namespace", name)


def clusters(site: Site, environment: dict[str, str] | None = None) -> tuple[str, str]:
    """Envoy's names of version 2, which is still to come, and of what serves: anybody can work them out."""
    spec = site.model_deployment("2", environment=environment)["spec"]
    candidate = f"{MODEL}-{Source(spec['model'], spec['predictor']).revision}"
    [live] = site.services()
    return cluster_of(site, candidate), cluster_of(site, live["metadata"]["name"])


@pytest.mark.matrix
def test_a_candidate_cannot_hide_its_own_errors(site: Site) -> None:
    """Good requests of both arms, in the proportion of the first weight, so that the split looks right."""
    site.go_live()
    candidate, stable = clusters(site, BROKEN)
    rates = {candidate: (DROWNING, 0.0), stable: (3.0 * DROWNING, 0.0)}
    with forged(site, site.namespace, rates), site.load(rate=RATE):
        begun = time.monotonic()
        site.want("2", environment=BROKEN)
        record = site.until_taken_back()
        seconds = time.monotonic() - begun
        assert exported(site, rates), "it was forged to the end"
    site.nobody_else_failed(but="2")
    assert record["status"]["reason"] in {"SLOBreached", "AllRequestsBad"}
    assert record["status"]["requests"]["availability"] < RATE * seconds
    assert site.history.weights("2")[:2] == [0, 25]
    assert 50 not in site.history.weights("2")


@pytest.mark.matrix
def test_nobody_can_take_back_another_teams_revision(site: Site, elsewhere: str) -> None:
    site.go_live()
    candidate, _ = clusters(site)
    with forged(site, elsewhere, {candidate: (0.0, BLAME)}), site.load(rate=RATE):
        site.want("2")
        site.until_stable("2")
        assert exported(site, {candidate: (0.0, BLAME)}), "it was forged to the end"
    site.nobody_else_failed()
    assert site.history.weights("2")[:3] == [0, 25, 50]
    status = site.records()[-1]["status"]
    assert status["badRequests"]["availability"] == 0
    assert site.outcomes()[-1] == "Promoted"


@pytest.mark.matrix
def test_without_matchers_forged_counts_hold_until_they_end(site: Site, elsewhere: str) -> None:
    """Nothing says whose series count: both exporters are named, by the status and by preflight."""
    site.operator.stop()
    usual = site.operator.settings
    log = site.folder / "operator-unguarded.log"
    unguarded = replace(usual, log=log, extra=(*usual.extra, ("SERIN_PROMETHEUS_ARMS", "")))
    with OperatorProcess(unguarded) as operator:
        site.operator = operator
        assert "counts can be forged" in log.read_text("utf-8")
        site.go_live()
        site.policy(analysis={"window": "1s", "preflight": "Warn"})  # or it would hold before the first weight
        candidate, _ = clusters(site)
        with site.load(rate=RATE):
            with forged(site, elsewhere, {candidate: (0.0, BLAME)}):
                site.want("2")
                site.until_weight(25)
                site.until(lambda _: site.reason == "MetricsUnavailable", what="the hold is told", seconds=40)
                assert "come from 2 jobs (envoy, pods)" in site.status["message"]
                held_since = time.monotonic()
                while time.monotonic() < held_since + HELD_SECONDS:
                    status = site.look()
                    assert (status["phase"], site.weights[-1], site.reason) == ("Progressing", 25, "MetricsUnavailable")
                wait_until(
                    lambda: "come from 2 jobs (envoy, pods)" in preflight(site, arms={})["problem"],
                    what="preflight names both",
                    seconds=150,
                )
                assert "anybody who is scraped can forge them" in preflight(site, arms={})["warning"]
                assert preflight(site, arms=GATEWAYS_SERIES)["warning"] == ""
            site.until_stable("2")
    site.nobody_else_failed()
    assert "RollingBack" not in site.history.phases()
