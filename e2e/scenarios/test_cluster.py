"""On a cluster where nothing is replaced: the chart in mid-rollout, a leader's pod killed, autoscaling by load."""

from __future__ import annotations

import math
import shutil
import time
from typing import TYPE_CHECKING

import pytest
import yaml

from e2e.deploy.chart import CHART, InstalledOperator
from e2e.deploy.cluster import wait_until
from e2e.deploy.errors import DeployError
from e2e.kind.cluster import Kind
from e2e.scenarios.provider import AUTOSCALING, PODS
from e2e.scenarios.test_installation import generations, pods

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2e.deploy.cluster import Json
    from e2e.scenarios.site import Site

pytestmark = [pytest.mark.needs(PODS), pytest.mark.timeout(600)]
DEFINITION = "files/crds/promotionpolicies.yaml"
HPA = ("autoscaling/v2", "HorizontalPodAutoscaler")
FAILOVER_SECONDS = 10
"""A Lease of 4 s, and a pod's start beside it."""


def release_of(site: Site) -> InstalledOperator:
    """The operator as Helm installed it."""
    installed = site.installation
    assert isinstance(installed, InstalledOperator)
    return installed


def test_helm_test_finds_it_ready(site: Site) -> None:
    told = release_of(site).test()
    assert "Phase:          Succeeded" in told
    assert "200 ready" in told or "200 standing by" in told


def test_pods_are_restricted_and_one_leads(site: Site) -> None:
    release = release_of(site)
    names = {pod["metadata"]["name"] for pod in release.pods()}
    assert len(names) == 2
    wait_until(lambda: release.leader() in names, what="one of the pods holds the Lease", seconds=15)
    for pod in release.pods():
        [container] = pod["spec"]["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert pod["spec"]["securityContext"]["runAsNonRoot"]


def test_upgraded_and_rolled_back_by_helm_in_mid_rollout(site: Site) -> None:
    """Pods of the operator come and go twice; no model notices, and no step is lost."""
    site.go_live()
    site.policy(steps=[{"weight": 25, "for": "60s"}, {"weight": 50, "for": "4s"}])
    release = release_of(site)
    with site.load():
        site.want("2")
        site.until_weight(25)
        before, running, old = generations(site), pods(site), {p["metadata"]["name"] for p in release.pods()}
        release.install("--set", "workers=32")
        wait_until(
            lambda: not old & {p["metadata"]["name"] for p in release.pods()}, what="the old pods are gone", seconds=60
        )
        release.rollback()
        assert (generations(site), pods(site)) == (before, running)
        site.until_stable("2")
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 50, 100]
    assert len(site.records()) == 2


def test_helm_takes_back_definitions_that_somebody_applied(site: Site, tmp_path: Path) -> None:
    """As the page on upgrades says: it stops and names who holds them, unless it is told to take them back."""
    release = release_of(site)
    charts = [_other_chart(tmp_path / name, name) for name in ("theirs", "ours")]
    site.api.apply(yaml.safe_load((charts[0] / DEFINITION).read_text("utf-8")))
    try:
        with pytest.raises(DeployError, match=r"conflict with .*: \.spec\.versions"):
            release.install(chart=charts[1])
        release.install("--force-conflicts", chart=charts[1])
        assert _described(site) == "ours"
        release.install()
        assert _described(site) not in {"ours", "theirs"}
    finally:
        release.install("--force-conflicts")


def _other_chart(folder: Path, described: str) -> Path:
    """The chart in ``folder``, but one of its definitions is described so."""
    shutil.copytree(CHART, folder)
    path = folder / DEFINITION
    definition = yaml.safe_load(path.read_text("utf-8"))
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"] = described
    path.write_text(yaml.safe_dump(definition), "utf-8")
    return folder


def _described(site: Site) -> str:
    found = site.api.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", "promotionpolicies.serin.dev")
    assert found
    return str(found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"])


@pytest.mark.parametrize("how", ["killed", "deleted"])
def test_the_leaders_pod_goes_in_mid_step(site: Site, how: str, record_property: Callable[[str, object], None]) -> None:
    release = release_of(site)
    site.go_live()
    with site.load():
        site.want("2")
        site.until_weight(25)
        leader = release.leader()
        begun = time.monotonic()
        if how == "killed":
            release.kill_pod(leader)
        else:
            site.api.delete("v1", "Pod", leader, "serin-system")
        wait_until(lambda: release.leader() not in {leader, ""}, what="another one leads", seconds=FAILOVER_SECONDS)
        record_property("failover_seconds", round(time.monotonic() - begun, 1))
        site.until_stable("2")
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 50, 100]


def test_services_go_on_when_kube_proxy_writes_all_rules_anew(site: Site) -> None:
    """As it does once an hour, or after a failure: here, since a rule that it wants to delete is gone."""
    kind = site.provider
    assert isinstance(kind, Kind)
    site.go_live()
    service = {"ports": [{"port": 80}], "selector": {"app": "nobody"}}
    item = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "nobody", "namespace": site.namespace}}
    address = site.api.apply(item | {"spec": service})["spec"]["clusterIP"]

    def rules(kind_of: str, name: str) -> str:
        return kind.on_node("nft", "list", kind_of, "ip", "kube-proxy", name)

    wait_until(lambda: address in rules("map", "no-endpoint-services"), what="the Service's rule", seconds=30)
    before = rules("map", "service-ips").count("goto")
    with site.load():
        kind.on_node(
            *("nft", "delete", "element", "ip", "kube-proxy", "no-endpoint-services"), f"{{ {address} . tcp . 80 }}"
        )
        site.api.delete("v1", "Service", "nobody", site.namespace)
        wait_until(lambda: address not in rules("set", "cluster-ips"), what="everything is written anew", seconds=90)
        assert rules("map", "service-ips").count("goto") == before > 0
        site.want("2")
        site.until_stable("2")
    site.nobody_else_failed()


def scaled_by_load(version: str, site: Site) -> Json:
    """A predictor that autoscales on CPU; the requests are small, so that this machine can be busy."""
    predictor: Json = site.model_deployment(version)["spec"]["predictor"]
    predictor["model"]["resources"] = {"requests": {"cpu": "60m", "memory": "192Mi"}, "limits": {"memory": "1Gi"}}
    return predictor | {"minReplicas": 1, "maxReplicas": 3, "scaleMetric": "cpu", "scaleTarget": 60}


def replicas(site: Site, version: str) -> tuple[int, int]:
    """What the autoscaler wants for a version, and how many endpoints can answer."""
    [name] = [s["metadata"]["name"] for s in site.services() if s["metadata"]["labels"]["serin.dev/version"] == version]
    wanted = [
        item.get("status", {}).get("desiredReplicas", 0)
        for item in site.api.list(*HPA, site.namespace)
        if item["metadata"]["name"].startswith(name)
    ]
    return max(wanted, default=0), site.ready_endpoints(version)


@pytest.mark.needs(AUTOSCALING)
def test_stable_is_scaled_by_load_in_mid_rollout(site: Site, record_property: Callable[[str, object], None]) -> None:
    """The autoscaler adds replicas to stable; the candidate gets as many before it gets the weight for them."""
    site.policy(steps=[{"weight": 10, "for": "70s"}, {"weight": 50, "for": "5s"}])
    site.want("1", predictor=scaled_by_load("1", site))
    site.until_stable("1")
    seen: list[tuple[int, int, int]] = []
    with site.load(rate=80):
        site.want("2", predictor=_with_version(scaled_by_load("2", site), "2"))
        site.until_weight(10)
        site.until(lambda _: replicas(site, "1")[1] >= 2, what="the autoscaler scaled stable out", seconds=150)
        site.until(lambda _: _note(site, seen) >= 50, what="50 % on the candidate", seconds=200)
        site.until_stable("2")
    record_property("stable_ready_at_most", max(ready for _, _, ready in seen))
    for weight, candidate, stable in seen:
        if weight >= 50:
            assert candidate >= math.ceil(weight * min(stable, 2) / 100), seen
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 10, 50, 100]


def _with_version(predictor: Json, version: str) -> Json:
    env = [{"name": "MODEL_VERSION", "value": version}]
    return predictor | {"model": predictor["model"] | {"env": env}}


def _note(site: Site, seen: list[tuple[int, int, int]]) -> int:
    weight = site.weight()
    seen.append((weight, site.ready_endpoints("2"), site.ready_endpoints("1")))
    return weight


def _two_that_drain(deployment: Json) -> Json:
    """Two replicas; one that goes still answers until no gateway sends to it any more, as a pod under load should."""
    predictor: Json = deployment["spec"]["predictor"]
    drains = {"lifecycle": {"preStop": {"sleep": {"seconds": 5}}}}
    return predictor | {"minReplicas": 2, "model": predictor["model"] | drains}


def test_taken_back_while_stable_is_scaled_down_by_hand(site: Site) -> None:
    """Nobody waits for capacity that is not there: the bad version goes, and stable answers with what it has."""
    site.policy(steps=[{"weight": 25, "for": "60s"}])
    site.want("1", predictor=_two_that_drain(site.model_deployment("1")))
    site.until_stable("1")
    [stable] = site.services()
    with site.load(rate=60):
        site.want("3", predictor=_two_that_drain(site.model_deployment("3", environment={"ERROR_RATE": "0.2"})))
        site.until_weight(25)
        name = f"{stable['metadata']['name']}-predictor"
        site.api.merge("apps/v1", "Deployment", name, namespace=site.namespace, patch={"spec": {"replicas": 1}})
        record = site.until_taken_back()
    site.nobody_else_failed(but="3")
    assert record["status"]["outcome"] == "RolledBack"
    assert site.history.weights("3") == [0, 25, 0]
