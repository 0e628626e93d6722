"""What goes wrong in the incidents? Causes as they happen to people: a setting, a right, a quota."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from e2e.deploy import rights

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.scenarios.site import Site

RBAC_API = f"{rights.RBAC_API}/v1"
SERVICES = "inferenceservices"
SETTINGS = "settings"
"""The ConfigMap that version 1 needs."""


def pods_of(site: Site, version: str) -> list[str]:
    """Names of the pods that serve ``version``."""
    [name] = [s["metadata"]["name"] for s in site.services() if s["metadata"]["labels"]["serin.dev/version"] == version]
    pods = site.api.list("v1", "Pod", site.namespace, f"serving.kserve.io/inferenceservice={name}")
    return [pod["metadata"]["name"] for pod in pods]


def live_on_settings(site: Site) -> None:
    """Version 1 serves; its containers need a ConfigMap."""
    metadata = {"name": SETTINGS, "namespace": site.namespace}
    site.api.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"mode": "usual"}})
    predictor = site.model_deployment("1")["spec"]["predictor"]
    setting = {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": SETTINGS, "key": "mode"}}}
    model = predictor["model"] | {"env": [*predictor["model"]["env"], setting]}
    site.want("1", predictor=predictor | {"model": model})
    site.until_stable("1")


def settings_go(site: Site) -> None:
    """Version 1 loses its ConfigMap, and then its pod: the next one cannot start."""
    site.api.delete("v1", "ConfigMap", SETTINGS, site.namespace)
    for pod in pods_of(site, "1"):
        site.api.delete("v1", "Pod", pod, site.namespace, grace_seconds=0)


@contextmanager
def without_right(site: Site, verb: str, resource: str) -> Iterator[None]:
    """Serin's role without one verb on one kind, as somebody might edit it."""
    before = site.api.get(RBAC_API, "ClusterRole", rights.NAME)
    assert before is not None
    left = [
        rule | {"verbs": [v for v in rule["verbs"] if v != verb]} if resource in rule["resources"] else rule
        for rule in before["rules"]
    ]
    assert left != before["rules"], "there was such a right"
    kept = [rule for rule in left if rule["verbs"]]
    try:
        site.api.merge(RBAC_API, "ClusterRole", rights.NAME, namespace=None, patch={"rules": kept})
        yield
    finally:
        site.api.merge(RBAC_API, "ClusterRole", rights.NAME, namespace=None, patch={"rules": before["rules"]})


@contextmanager
def quota(site: Site, services: int) -> Iterator[None]:
    """No more than so many InferenceServices in the namespace."""
    hard = {f"count/{SERVICES}.serving.kserve.io": str(services)}
    metadata = {"name": "few", "namespace": site.namespace}
    site.api.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}})
    # Where no controller counts what is there, that is said here; admission goes by it all the same.
    counted = {"status": {"hard": hard, "used": {next(iter(hard)): str(len(site.services()))}}}
    site.api.merge("v1", "ResourceQuota/status", "few", namespace=site.namespace, patch=counted)
    try:
        yield
    finally:
        site.api.delete("v1", "ResourceQuota", "few", site.namespace)
