"""How do the add-ons get onto a bare cluster, and when is it complete?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx

from e2e.deploy.cluster import wait_until
from e2e.deploy.errors import DeployError, RefusedError
from e2e.kind import addons
from e2e.kind.errors import KindError

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.deploy.cluster import ClusterApi
    from e2e.sandbox.progress import Progress

READY_WITHIN_SECONDS = 180.0
RETRY_SECONDS = 0.3
COUNTS = ("replicas", "updatedReplicas", "readyReplicas")
"""What a Deployment tells of its pods: all new ones are ready, and no old one is left."""
# Tried again: a kind whose definition was made a moment ago, somebody else's write, a server that is busy.
PASSING = frozenset({httpx.codes.NOT_FOUND, httpx.codes.CONFLICT, httpx.codes.TOO_MANY_REQUESTS})
STEPS = len(addons.in_order()) + 1
Json = dict[str, Any]


def install(api: ClusterApi, of: addons.Released, progress: Progress, reload_dns: Callable[[str], None]) -> None:
    """Apply every add-on, then wait until all of them are ready. KindError or DeployError if they are not.

    ``reload_dns`` is given CoreDNS's configuration with the store's name, and makes it true.
    """
    for name, objects in addons.in_order():
        with progress.step(name, "applying"):
            for item in objects(of):
                patiently(api, item)
    with progress.step("cluster", "waiting until all is ready"):
        config = api.get("v1", "ConfigMap", "coredns", "kube-system")
        if config is None:
            raise KindError("The cluster has no CoreDNS: kubeadm did not finish.")
        reload_dns(with_store(config["data"]["Corefile"]))
        deployments_ready(api)
        for item in (*addons.kserve_webhooks(of), *addons.envoy(of)):
            patiently(api, item)
        deployments_ready(api)
        wait_until(lambda: programmed(api), what="the Gateway gateways/models is programmed", seconds=60)


def patiently(api: ClusterApi, item: Json, *, seconds: float = READY_WITHIN_SECONDS) -> None:
    """Apply an object; a refusal that may pass (a definition or a webhook that is just starting) is tried again."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            api.apply(item)
        except DeployError as error:
            final = isinstance(error, RefusedError) and error.status not in PASSING and not _is_server_error(error)
            if final or time.monotonic() > deadline:
                raise KindError(f"{item['kind']} {item['metadata']['name']}: {error}") from error
            time.sleep(RETRY_SECONDS)
        else:
            return


def with_store(corefile: str) -> str:
    """The Corefile with the name under which containers reach the store of models. KindError if it has no place."""
    if "models.sandbox" in corefile:
        return corefile
    place = "    ready\n"
    if place not in corefile:
        raise KindError("CoreDNS's configuration is not kubeadm's: no line 'ready' to put models.sandbox beside.")
    return corefile.replace(place, f"{place}    rewrite name models.sandbox store.models.svc.cluster.local\n", 1)


def deployments_ready(api: ClusterApi) -> None:
    """Wait for every Deployment; KindError that names those that are not ready."""

    def ready() -> bool:
        try:
            return not not_ready(api)
        except RefusedError:
            raise
        except DeployError:  # on a busy machine the server may be slow while everything starts
            return False

    try:
        wait_until(ready, what="every Deployment is ready", seconds=READY_WITHIN_SECONDS)
    except DeployError as error:
        raise KindError(f"{error} Not ready: {', '.join(not_ready(api))}.") from error


def not_ready(api: ClusterApi) -> list[str]:
    """The Deployments (NAMESPACE/NAME) that lack replicas, or of whose last change nobody has heard yet."""
    return [
        f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        for item in api.list("apps/v1", "Deployment")
        if any(item.get("status", {}).get(count, 0) != item["spec"]["replicas"] for count in COUNTS)
        or item.get("status", {}).get("observedGeneration", 0) < item["metadata"]["generation"]
    ]


def programmed(api: ClusterApi) -> bool:
    """Whether the Gateway that the sandbox has too is in Envoy."""
    item = api.get("gateway.networking.k8s.io/v1", "Gateway", "models", "gateways") or {}
    conditions = item.get("status", {}).get("conditions", [])
    return any(c["type"] == "Programmed" and c["status"] == "True" for c in conditions)


def _is_server_error(error: RefusedError) -> bool:
    return bool(httpx.codes.is_server_error(error.status))
