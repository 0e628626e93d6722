"""Gauges that Prometheus gives up on, beside rollouts whose candidates fail: those are found in their usual time."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from e2e.deploy import OperatorProcess
from e2e.deploy.cluster import wait_until
from e2e.scenarios.history import History
from e2e.scenarios.lying_prometheus import LyingPrometheus
from e2e.scenarios.site import KSERVE_API, MODEL, Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from e2e.deploy.cluster import Json

ATTACKERS, VICTIMS = 4, 3
GAUGES_EACH = 8
"""As many as a policy may have: 32 together."""
METRIC = "slow_gauge"
SLACK_SECONDS = 6.0
"""More than alone: three rollouts share two processors, and a window may be read in the pass after its own."""
BAD = {"ERROR_RATE": "0.3", "FAULT_SEED": "1"}


class SlowForGauges(LyingPrometheus):
    """Passes on all answers, but gives up on gauges, as Prometheus does when the time that it was given is over."""

    def __init__(self, real: str) -> None:
        super().__init__(real)
        self.given_up = 0
        self.running = self.most_running = 0

    async def handle(self, incoming: web.Request) -> web.StreamResponse:
        """The answer, late if it is a gauge's."""
        form = await incoming.post()
        if METRIC not in str(form.get("query", "")):
            return await super().handle(incoming)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(_milliseconds(str(form.get("timeout", ""))) / 1000)
        finally:
            self.running -= 1
        self.given_up += 1
        told = {"status": "error", "errorType": "timeout", "error": "query timed out in expression evaluation"}
        return web.Response(status=503, text=json.dumps(told), content_type="application/json")


def _milliseconds(timeout: str) -> int:
    found = re.fullmatch(r"([0-9]+)ms", timeout)
    assert found, f"the operator gives Prometheus a time limit in ms: {timeout!r}"
    return int(found[1])


@contextmanager
def behind_slow_gauges(site: Site) -> Iterator[SlowForGauges]:
    """The operator asks through a proxy for as long as the block lasts."""
    site.operator.stop()
    with SlowForGauges(site.provider.prometheus_url) as prometheus:
        log = site.folder / "operator-slow-gauges.log"
        settings = replace(site.operator.settings, prometheus_url=prometheus.url, log=log)
        with OperatorProcess(settings) as operator:
            site.operator = operator
            yield prometheus


@contextmanager
def neighbour(site: Site, name: str, folder: Path) -> Iterator[Site]:
    """A site of its own, in another namespace, with the same operator."""
    namespace = f"{site.namespace}-{name}"
    site.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    folder.mkdir()
    with History(site.api, namespace) as history:
        own = Site(site.provider, site.api, site.operator, namespace, folder, history, site.installation)
        try:
            yield own
        finally:
            site.api.delete("serin.dev/v1alpha1", "ModelDeployment", MODEL, namespace)
            for service in site.api.list(KSERVE_API, "InferenceService", namespace):
                site.api.delete(KSERVE_API, "InferenceService", service["metadata"]["name"], namespace)
            site.api.delete("v1", "Namespace", namespace)


def gauges() -> list[Json]:
    """SLOs that only report; none of them will ever have a value."""
    return [
        {
            "name": f"slow-{number}",
            "severity": "Advisory",
            "indicator": {"gauge": {"query": f"max({METRIC}_{number}) + 0", "max": "1"}},
        }
        for number in range(GAUGES_EACH)
    ]


def attack(site: Site) -> None:
    """A rollout whose policy asks for gauges in every window of a second, and that waits for requests for ever."""
    counted: Json = {"name": "availability", "objective": "99.0", "indicator": {"availability": {}}}
    site.go_live()
    site.policy(slos=[counted, *gauges()])
    site.want("2")


def detection_seconds(record: Json) -> float:
    """From the first weight to the decision, as the record has it."""
    status: dict[str, Any] = record["status"]
    first = next(entry["at"] for entry in status["timeline"] if entry["weight"])
    return (datetime.fromisoformat(status["decidedAt"]) - datetime.fromisoformat(first)).total_seconds()


def taken_back(site: Site) -> float:
    """How long it took to find a bad version."""
    record = site.until_taken_back()
    assert record["status"]["reason"] in {"SLOBreached", "AllRequestsBad"}
    return detection_seconds(record)


@pytest.mark.matrix
@pytest.mark.timeout(900)
def test_32_slow_gauges_beside_three_breaching_rollouts(
    site: Site, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with behind_slow_gauges(site) as prometheus, ExitStack() as stack:

        def neighbours(kind: str, count: int) -> list[Site]:
            names = [f"{kind}{number}" for number in range(count)]
            return [stack.enter_context(neighbour(site, name, tmp_path / name)) for name in names]

        victims, attackers = neighbours("v", VICTIMS), neighbours("a", ATTACKERS)
        for victim in victims:
            victim.go_live()
            stack.enter_context(victim.load(rate=60))
        for victim in victims:
            victim.want("2", environment=BAD)
        alone = [taken_back(victim) for victim in victims]
        assert prometheus.given_up == 0

        for attacker in attackers:
            attack(attacker)
        for attacker in attackers:
            attacker.until_weight(25)
        wait_until(lambda: prometheus.given_up > GAUGES_EACH, what="gauges time out again and again", seconds=60)
        for victim in victims:
            victim.want("3", environment=BAD)
        for victim in victims:  # until then it is version 2 that is taken back
            victim.until(lambda status: status.get("phase") != "RolledBack", what="version 3 begins", seconds=20)
        beside = [taken_back(victim) for victim in victims]
        assert prometheus.running > 0, "the attack goes on until the end"
        assert prometheus.most_running <= 2, "gauges leave places for counts"
        for attacker in attackers:
            assert attacker.status["phase"] == "Progressing"
        record_property("alone_seconds", [round(seconds, 1) for seconds in alone])
        record_property("beside_slow_gauges_seconds", [round(seconds, 1) for seconds in beside])
        record_property("gauges_given_up", prometheus.given_up)
        assert max(beside) <= max(alone) + SLACK_SECONDS
    for victim in victims:
        failed = [answer for answer in victim.answers() if answer.version == "1" and answer.status != 200]
        assert not failed, "stable answers as ever"
