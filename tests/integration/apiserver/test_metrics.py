"""What a real process tells, as a real Prometheus with the shipped rules reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.deploy import ClusterApi, OperatorProcess, OperatorSettings, install
from e2e.deploy.cluster import wait_until
from e2e.sandbox.sandbox import Sandbox
from e2e.scenarios.proxy import ApiProxy, Fault
from e2e.scenarios.watcher import Watcher
from tests.integration.apiserver.objects import model_deployment, policy
from tools.monitoring.render import alerts

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(400)]


def test_prometheus_reads_a_real_process_and_evaluates_every_rule(
    sandbox: Sandbox, api: ClusterApi, namespace: str, tmp_path: Path
) -> None:
    """No route can be read: passes fail, and a ticket tells it."""
    with ApiProxy(sandbox.kubeconfig_for(*install(api)), tmp_path) as proxy:
        proxy.faults.append(Fault(lambda request: "httproutes" in request.path, status=500))
        settings = OperatorSettings(
            kubeconfig=proxy.proxied_kubeconfig,
            prometheus_url="http://127.0.0.1:9",
            log=tmp_path / "log",
            extra=(("SERIN_NAMESPACES", namespace),),  # not what other tests have left
        )
        api.apply(policy(namespace))
        api.apply(model_deployment(namespace))
        with (
            OperatorProcess(settings) as operator,
            Watcher(tmp_path / "watcher", source="http://127.0.0.1:9") as watcher,
        ):
            watcher.look_at(operator)
            told = watcher.until_fires("SerinPassesFail", seconds=120)
            assert (told["labels"]["severity"], told["labels"]["result"]) == ("warning", "error")
            assert watcher.query("max(serin_leading)") == {(): 1.0}
            assert watcher.query("sum by (code, verb) (serin_api_requests_total)")["500", "get"] > 0
            assert watcher.query("count(serin_build_info)") == {(): 1.0}
            wait_until(lambda: evaluated(watcher) == len(list(alerts())), what="each rule was evaluated", seconds=60)
            assert watcher.unhealthy() == []
            assert not {"SerinDown", "SerinNoLeader"} & watcher.firing().keys()
    api.delete("serin.dev/v1alpha1", "ModelDeployment", "fraud", namespace)


def evaluated(watcher: Watcher) -> int:
    """How many alerts were evaluated and are in order."""
    rules = [rule for group in watcher._ask("rules")["groups"] for rule in group["rules"]]
    return sum(rule["type"] == "alerting" and rule["health"] == "ok" for rule in rules)
