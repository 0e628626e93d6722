"""In which order does Kourier come up?  Its controller with Knative's, then its Envoy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2e.sandbox.cluster import until
from e2e.sandbox.knative.services import READY_SECONDS, addresses, is_up
from e2e.sandbox.kourier import workloads
from e2e.sandbox.service import Service, Step

if TYPE_CHECKING:
    from e2e.sandbox.inside import Inside


def services(inside: Inside) -> list[Service | Step]:
    """Its Envoy, which becomes the sandbox's gateway. Empty in a sandbox without Kourier."""
    if inside.knative is None or inside.ingress is not workloads.KOURIER:
        return []
    return [Step("kourier", lambda: _gateway(inside), needs=("knative",))]


async def _gateway(inside: Inside) -> None:
    [controller] = await addresses(inside, workloads.KOURIER.controller.name)
    for item in workloads.gateway(controller):
        await inside.cluster.apply(item)
    namespace, name = workloads.NAMESPACE, workloads.NODE_ID

    async def answers() -> bool:
        return await is_up(inside, name, namespace)

    await until(answers, what="Kourier's Envoy is not ready", seconds=READY_SECONDS)
    [envoy] = await addresses(inside, name, namespace)
    inside.doors["gateway"] = (envoy, workloads.PROXY_PORT)
