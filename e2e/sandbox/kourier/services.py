"""In which order does Kourier come up?  Its controller with Knative's, then its Envoy."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from e2e.sandbox.cluster import until
from e2e.sandbox.knative.released import NAMESPACE
from e2e.sandbox.knative.services import READY_SECONDS
from e2e.sandbox.kourier import workloads
from e2e.sandbox.pods import addresses, is_available
from e2e.sandbox.service import Service, Step

if TYPE_CHECKING:
    from e2e.sandbox.inside import Inside


def services(inside: Inside) -> list[Service | Step]:
    """Its Envoy, which becomes the sandbox's gateway. Empty in a sandbox without Kourier."""
    if inside.knative is None or inside.ingress is not workloads.KOURIER:
        return []
    return [Step("kourier", lambda: _gateway(inside), needs=("knative",))]


async def _gateway(inside: Inside) -> None:
    [controller] = await addresses(inside, NAMESPACE, f"app={workloads.KOURIER.controller.name}")
    for item in workloads.gateway(controller):
        await inside.cluster.apply(item)
    available = partial(is_available, inside, workloads.NAMESPACE, workloads.NODE_ID)
    await until(available, what="Kourier's Envoy is not ready", seconds=READY_SECONDS)
    [envoy] = await addresses(inside, workloads.NAMESPACE, f"app={workloads.NODE_ID}")
    inside.doors["gateway"] = (envoy, workloads.PROXY_PORT)
