"""In which order does Knative come up?  Its definitions, its settings, its controllers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.sandbox.cluster import until
from e2e.sandbox.knative import workloads
from e2e.sandbox.knative.released import NAMESPACE
from e2e.sandbox.kubeconfig import for_pods
from e2e.sandbox.pods import addresses, is_available
from e2e.sandbox.service import Service, Step

if TYPE_CHECKING:
    from e2e.sandbox.inside import Inside
    from e2e.sandbox.knative.workloads import Controller

PARTS = Path(__file__).resolve().parent
"""What is built for it: see parts.toml there."""
READY_SECONDS = 120.0


def services(inside: Inside) -> list[Service | Step]:
    """Its settings and controllers; its definitions are the control plane's. Empty in a sandbox without Knative."""
    if inside.knative is None:
        return []
    return [
        Step("knative-settings", lambda: _settings(inside), needs=("knative-crds",)),
        Step(
            "knative",
            lambda: _controllers(inside),
            needs=("knative-settings", "gateway", "node", "kube-controller-manager"),
        ),
    ]


async def _settings(inside: Inside) -> None:
    released = inside.knative
    assert released is not None  # noqa: S101 - see services
    metadata = {"name": NAMESPACE, "labels": {"app.kubernetes.io/name": NAMESPACE}}
    await inside.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    # The settings first: once its configurations are there, the webhook has to answer for each of them.
    for item in (*released.settings, *inside.ingress.config, *released.webhooks):
        await inside.cluster.apply(item)


async def _controllers(inside: Inside) -> None:
    file = for_pods(inside.layout, inside.pki)
    first = (*workloads.FIRST, inside.ingress.controller)
    for item in workloads.envoy():
        await inside.cluster.apply(item)
    for controller in first:
        await _start(inside, controller, file)
    address: list[str] = []

    async def has_address() -> bool:
        address[:] = await addresses(inside, NAMESPACE, "app=autoscaler")
        return bool(address)

    await until(has_address, what="Knative's autoscaler has no address", seconds=READY_SECONDS)
    last = workloads.activator(address[0])
    await _start(inside, last, file)
    for controller in (*first, last):
        what = f"Knative's {controller.name} is not ready"
        await until(partial(is_available, inside, NAMESPACE, controller.name), what=what, seconds=READY_SECONDS)


async def _start(inside: Inside, controller: Controller, file: Path) -> None:
    await inside.cluster.apply(workloads.deployment(controller, str(file)))
    service = workloads.service(controller)
    if service is not None:
        await inside.cluster.apply(service)
