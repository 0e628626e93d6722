"""Back from the next version: what it has written is kept, a breach is still found, and nothing moves forward."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2e.deploy import OperatorProcess
from e2e.scenarios import kubectl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.scenarios.site import Site

pytestmark = pytest.mark.matrix
NOBODY = "http://127.0.0.1:1"
"""No Prometheus is there, so that the next version sees no breach."""


@contextmanager
def next_version(site: Site, prometheus_url: str = "") -> Iterator[None]:
    """The next version runs in place of this one, which is back afterwards."""
    present = site.operator
    present.stop()
    url = prometheus_url or present.settings.prometheus_url
    command = (sys.executable, "-m", "e2e.scenarios.words_of_next_version")
    log = site.folder / "operator-next-version.log"
    with OperatorProcess(replace(present.settings, command=command, prometheus_url=url, log=log)) as operator:
        site.operator = operator
        yield
    site.operator = present
    present.start()


def test_back_in_mid_rollout_a_breach_is_taken_back(site: Site) -> None:
    site.go_live()
    site.policy(analysis={"window": "1s", "preflight": "Warn"})  # otherwise it stays at 0 % without a Prometheus
    with site.load():
        with next_version(site, NOBODY):
            site.want("3", environment={"ERROR_RATE": "0.3", "FAULT_SEED": "1"})
            site.until_weight(25)
            site.say("Hold", "stop")
            assert site.told("stop")["outcome"] == "Accepted"
            site.until(lambda _: site.reason == "SourcesUnavailable", what="the next version's words")
            assert site.status["phase"] == "Advancing"
            assert [a["action"] for a in site.status["actions"]] == ["Pin"]
        record = site.until_taken_back()
    assert record["status"]["outcome"] == "RolledBack"
    assert record["status"]["reason"] in {"SLOBreached", "AllRequestsBad"}
    assert site.history.weights("3") == [0, 25, 0]
    assert "GatheringEvidence" in {entry["reason"] for entry in record["status"]["timeline"]}, "it is kept"
    assert [a["action"] for a in record["status"]["actions"]] == ["Pin"]
    site.nobody_else_failed(but="3")


def test_back_in_mid_rollout_nothing_moves_forward(site: Site) -> None:
    """It says what it does not know; the next version, back again, goes on where it was."""
    site.go_live()
    with site.load():
        with next_version(site):
            site.want("2")
            site.until_weight(25)
            site.until(lambda s: s["phase"] == "Advancing", what="the next version's phase")
        site.until(lambda _: site.reason == "UnknownState", what="the unknown phase is told", seconds=20)
        begun = time.monotonic()
        while time.monotonic() < begun + 8:
            site.look()
            assert (site.weights[-1], site.status["phase"]) == (25, "Advancing")
        assert "Advancing" in kubectl.get(site)["Message"]
        assert kubectl.condition(site, "Stalled")["status"] == "True"
        with next_version(site):
            site.until_stable("2")
            outcomes = site.outcomes()
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 50, 100]
    assert outcomes == ["Promoted", "Promoted"]


def test_back_outside_of_a_rollout(site: Site) -> None:
    """What was taken back stays refused, and the next version goes all the way."""
    site.go_live()
    bad = {"ERROR_RATE": "0.5", "FAULT_SEED": "1"}
    with site.load():
        with next_version(site):
            site.want("3", environment=bad)
            record = site.until_taken_back()
            assert (record["status"]["outcome"], record["status"]["reason"]) == ("TakenBack", "ObjectiveBroken")
        site.want("2")
        site.until_stable("2", never_back=False)
        site.want("3", environment=bad)
        site.until(lambda _: site.reason == "RevisionRejected", what="it is refused as before", seconds=20)
    assert "ObjectiveBroken" in site.status["message"]
    assert [r["reason"] for r in site.status["rejected"]] == ["ObjectiveBroken"]
    assert site.outcomes() == ["Promoted", "TakenBack", "Promoted"], "it was not tried again"
    site.nobody_else_failed(but="3")
