"""Serin is upgraded, uninstalled or idle: what serves is not touched."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2e.demo.objects import API_VERSION, STORE
from e2e.deploy import OperatorProcess, rights
from e2e.deploy.cluster import wait_until
from e2e.sandbox.images.catalogue import SHELL
from e2e.scenarios.metrics import reading
from e2e.scenarios.provider import TRIALS as NEEDS_TRIALS
from e2e.scenarios.site import GATEWAY_API, KSERVE_API
from e2e.scenarios.test_faults import through_a_proxy
from e2e.scenarios.test_gates import endless, held_by
from serin.api.model_deployment import Mode
from serin.cluster.permissions import CLUSTER_WIDE, LEASE, LEASE_CREATION, NEEDED, Permission
from serin.traffic.registry import BACKENDS, permissions

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.deploy.cluster import Json
    from e2e.scenarios.site import Site

CROWD = 50
NEVER_ASKED_FOR = {
    # Admission asks for it on behalf of blockOwnerDeletion.
    Permission("serin.dev", "modeldeployments/finalizers", "update"),
    # The server asks for it when an apply (a PATCH) makes the object.
    Permission("gateway.networking.k8s.io", "httproutes", "create"),
    # Only an InferenceService that is to be adopted is read by its name.
    Permission("serving.kserve.io", "inferenceservices", "get"),
    # No model of it speaks gRPC.
    *(Permission("gateway.networking.k8s.io", "grpcroutes", verb) for verb in ("get", "create", "patch")),
}
RESYNCS = 5
RESYNC_SECONDS = 4
QUERIES = 'prometheus_http_requests_total{code="200",handler="/api/v1/query'
PASSES = 'serin_reconcile_total{result="ok"}'


def generations(site: Site) -> dict[str, int]:
    """How often the spec of each InferenceService was written."""
    return {s["metadata"]["name"]: s["metadata"]["generation"] for s in site.services()}


def pods(site: Site) -> set[str]:
    """The prediction pods, by their unique names."""
    return {pod["metadata"]["name"] for pod in site.api.list("v1", "Pod", site.namespace)}


@pytest.mark.matrix
def test_upgraded_in_mid_rollout(site: Site) -> None:
    """A build that renders otherwise touches no InferenceService and replaces no pod; the rollout goes on."""
    site.go_live()
    with site.load():
        site.want("2")
        site.until_weight(25)
        site.operator.stop()
        before, running = generations(site), pods(site)
        next_version = replace(site.operator.settings, command=(sys.executable, "-m", "e2e.scenarios.next_version"))
        with OperatorProcess(next_version) as operator:
            site.operator = operator
            site.until_weight(50)
            assert generations(site) == before
            assert pods(site) == running
            site.until_stable("2")
            assert generations(site).items() <= before.items()
            assert pods(site) <= running
            site.want("3")
            site.until_stable("3")
            [service] = [s for s in site.services() if s["metadata"]["labels"]["serin.dev/version"] == "3"]
            assert service["spec"]["predictor"]["labels"] == {"example.com/build": "next"}, (
                "the next version rendered it"
            )
    site.nobody_else_failed()
    assert site.history.weights("2")[:4] == [0, 25, 50, 100]


@pytest.mark.matrix
def test_uninstalled_in_mid_rollout_and_installed_again(site: Site) -> None:
    """Without the operator and its rights models and weights stay; with them again the rollout goes on."""
    site.go_live()
    with site.load():
        site.want("2")
        site.until_weight(25)
        site.installation.uninstall()
        before, running = generations(site), pods(site)
        begun = time.monotonic()
        while time.monotonic() < begun + 10:
            assert site.weight() == 25
        assert (generations(site), pods(site)) == (before, running)
        site.installation.install()
        site.until_stable("2")
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 50, 100]


@pytest.mark.matrix
@pytest.mark.needs(NEEDS_TRIALS)
def test_every_right_of_the_chart_is_used_and_none_is_missing(
    site: Site, record_property: Callable[[str, object], None]
) -> None:
    """A deployment, actions, a freeze, a Job, a promotion, a rollback and a replica, on the way to the API server."""
    lease = ("SERIN_LEASE", f"{rights.NAMESPACE}/{rights.NAME}")
    site.operator.stop()
    # One that is there already, of replicas before, would hide the right to make it.
    site.api.delete("coordination.k8s.io/v1", "Lease", rights.NAME, rights.NAMESPACE)
    with through_a_proxy(site, lease) as (proxy, operator):
        site.go_live()
        with site.load():
            site.want("2")
            site.until_weight(25)
            site.say("Hold", "stop")
            site.say("Release", "go-on")
            assert site.told("go-on")["outcome"] == "Accepted"
            site.api.apply(site.item("PromotionFreeze", "peak", {"reason": "peak season"}))
            site.until(lambda _: site.reason == "Frozen", what="the rollout is frozen")
            site.api.delete(API_VERSION, "PromotionFreeze", "peak", site.namespace)
            site.until_stable("2")
            predictor = site.model_deployment("2")["spec"]["predictor"]
            site.want("2", predictor={**predictor, "minReplicas": 2})
            wait_until(lambda: 2 in site.min_replicas(), what="it is scaled", seconds=10)
            site.policy(gates=[endless()])
            site.want("4")
            held_by(site, "endless", "GateClosed", "runs")
            site.policy()
            site.want("3", environment={"ERROR_RATE": "0.5"})  # ends the rollout of version 4, and its Job
            site.until_taken_back()
        operator.stop()
        used = {Permission(*permission) for permission in proxy.asked}
    granted = {*NEEDED, *permissions(), *CLUSTER_WIDE, *LEASE, *LEASE_CREATION}
    record_property("unused", ", ".join(sorted(map(str, granted - used))))
    record_property("rights_used", len(used))
    site.nobody_else_failed(but="3")
    assert used <= granted, "RBAC would have refused it"
    standard = {p for (mode, _), backend in BACKENDS.items() if mode is Mode.STANDARD for p in backend.permissions}
    assert granted - used == NEVER_ASKED_FOR | (set(permissions()) - standard)


@pytest.mark.matrix
def test_rights_in_one_namespace_suffice_for_it(site: Site) -> None:
    """As the chart binds them with ``namespaces``: nothing of the operator's is bound in the whole cluster."""
    account, rbac = "serin-listed", f"{rights.RBAC_API}/v1"
    metadata = {"name": account, "namespace": rights.NAMESPACE}
    site.api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    site.api.apply(
        {"apiVersion": rbac, "kind": "ClusterRole", "metadata": {"name": account}, "rules": rights.rules()["watched"]}
    )
    site.api.apply(
        {
            "apiVersion": rbac,
            "kind": "RoleBinding",
            "metadata": {"name": account, "namespace": site.namespace},
            "roleRef": {"apiGroup": rights.RBAC_API, "kind": "ClusterRole", "name": account},
            "subjects": [{"kind": "ServiceAccount", **metadata}],
        }
    )
    site.operator.stop()
    listed = replace(
        site.operator.settings,
        kubeconfig=site.provider.kubeconfig_for(rights.NAMESPACE, account),
        log=site.folder / "operator-listed.log",
        extra=(*site.operator.settings.extra, ("SERIN_NAMESPACES", site.namespace)),
    )
    with OperatorProcess(listed) as operator:
        site.operator = operator
        site.go_live()
        with site.load():
            site.want("2")
            site.until_stable("2")
            site.want("3", environment={"ERROR_RATE": "0.5"})
            site.until_taken_back()
        assert "permissions missing" not in listed.log.read_text("utf-8")
    site.nobody_else_failed(but="3")


def small_model(site: Site, number: int) -> Json:
    """A model whose server is a shell: Serin needs its endpoint only."""
    container = {
        "name": "kserve-container",
        "image": SHELL,
        "command": ["sh", "-c", "while :; do sleep 3600; done"],
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 10},
        "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"cpu": "1", "memory": "64Mi"}},
    }
    item = site.model_deployment("1")
    item["metadata"]["name"] = f"m{number}"
    item["spec"] |= {
        "model": {"version": "1", "uri": f"{STORE}/fraud/1.tar.gz"},
        "predictor": {"containers": [container], "minReplicas": 1},
        "route": {**item["spec"]["route"], "hostnames": [f"m{number}.{site.namespace}.example.com"]},
    }
    return item


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


@pytest.mark.matrix
@pytest.mark.timeout(900)
def test_fifty_idle_models_cost_nothing(site: Site, record_property: Callable[[str, object], None]) -> None:
    """Over several resyncs: no write, no query, no resourceVersion that moves."""
    site.policy()
    for number in range(CROWD):
        site.api.apply(small_model(site, number))

    def stable() -> int:
        items = site.api.list(API_VERSION, "ModelDeployment", site.namespace)
        return sum((item.get("status") or {}).get("phase") == "Stable" for item in items)

    try:
        wait_until(lambda: stable() == CROWD, what=f"{CROWD} models are stable", seconds=600)
        _settled_and_idle(site, record_property)
    finally:
        for number in range(CROWD):
            site.api.delete(API_VERSION, "ModelDeployment", f"m{number}", site.namespace)
        wait_until(lambda: not pods(site), what="the crowd has left", seconds=200)


def _settled_and_idle(site: Site, record_property: Callable[[str, object], None]) -> None:
    kinds = ((API_VERSION, "ModelDeployment"), (API_VERSION, "PromotionRecord"), (KSERVE_API, "InferenceService"))

    def versions() -> dict[str, str]:
        items = [o for a, k in (*kinds, (GATEWAY_API, "HTTPRoute")) for o in site.api.list(a, k, site.namespace)]
        return {f"{o['kind']}/{o['metadata']['name']}": o["metadata"]["resourceVersion"] for o in items}

    seen = [versions()]

    def settled() -> bool:
        seen.append(versions())
        return len(seen) > RESYNCS and all(v == seen[-1] for v in seen[-RESYNCS:])

    wait_until(settled, what="everything has come to rest", seconds=120)
    with through_a_proxy(site, ("SERIN_RESYNC", f"{RESYNC_SECONDS}s")) as (proxy, operator):
        url = f"{operator.health_url}/metrics"
        before, queries = versions(), reading(f"{site.provider.prometheus_url}/metrics", QUERIES)
        writes, passes = proxy.writes, reading(url, PASSES)
        cpu = reading(url, "process_cpu_seconds_total")
        begun = time.monotonic()
        wait_until(lambda: reading(url, PASSES) >= passes + RESYNCS * CROWD, what="five looks at each", seconds=120)
        seconds = time.monotonic() - begun
        record_property("passes", int(reading(url, PASSES) - passes))
        record_property("seconds", round(seconds))
        record_property("cpu_seconds", round(reading(url, "process_cpu_seconds_total") - cpu, 1))
        record_property("resident_mib", round(reading(url, "process_resident_memory_bytes") / 2**20))
        assert proxy.writes == writes
    assert versions() == before
    assert reading(f"{site.provider.prometheus_url}/metrics", QUERIES) == queries
