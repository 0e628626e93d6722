"""In which order does Envoy Gateway come up?  Its certificates, itself, then the Gateway, for which it starts Envoy."""

from __future__ import annotations

import asyncio
import subprocess
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.sandbox.cluster import condition_is_true, until
from e2e.sandbox.envoygateway import workloads
from e2e.sandbox.errors import PartError
from e2e.sandbox.gateway import GATEWAY_PATH
from e2e.sandbox.kubeconfig import for_pods
from e2e.sandbox.namespace import environment
from e2e.sandbox.pods import addresses, is_available
from e2e.sandbox.service import Service, Step

if TYPE_CHECKING:
    from e2e.sandbox.inside import Inside

PARTS = Path(__file__).resolve().parent
"""What is built for it: see parts.toml there."""
READY_SECONDS = 120.0
CONTROL_PLANE = f"control-plane={workloads.NAME}"


def services(inside: Inside) -> list[Service | Step]:
    """Envoy Gateway and its Gateway, in place of Contour's."""
    return [
        Step(
            "envoy-gateway", lambda: _control_plane(inside), needs=("gateway-crds", "node", "kube-controller-manager")
        ),
        Step("gateway", lambda: _gateway(inside), needs=("envoy-gateway",)),
    ]


async def _control_plane(inside: Inside) -> None:
    for name in ("gateways", workloads.NAMESPACE):
        await inside.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    await _certificates(inside)
    for item in workloads.control_plane(str(for_pods(inside.layout, inside.pki))):
        await inside.cluster.apply(item)
    available = partial(is_available, inside, workloads.NAMESPACE, workloads.NAME)
    await until(available, what="Envoy Gateway is not ready", seconds=READY_SECONDS)


async def _certificates(inside: Inside) -> None:
    """As the Job of its chart: secrets with which it and its Envoy know each other."""
    async with inside.reaper.spawning():
        process = await asyncio.create_subprocess_exec(
            *(inside.binary("envoy-gateway"), "certgen", "--disable-topology-injector"),
            cwd=inside.layout.root,
            env=environment(
                KUBECONFIG=str(inside.layout.inner_kubeconfig), ENVOY_GATEWAY_NAMESPACE=workloads.NAMESPACE
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        output, _ = await process.communicate()
    if process.returncode != 0:
        raise PartError(f"envoy-gateway certgen failed ({process.returncode}): {output.decode(errors='replace')}")


async def _gateway(inside: Inside) -> None:
    for item in workloads.gateway((await addresses(inside, workloads.NAMESPACE, CONTROL_PLANE))[0]):
        await inside.cluster.apply(item)

    async def programmed() -> bool:
        return condition_is_true(await inside.cluster.get(GATEWAY_PATH), "Programmed")

    await until(programmed, what="the Gateway gateways/models is not programmed", seconds=READY_SECONDS)
    inside.doors["gateway"] = (
        (await addresses(inside, workloads.NAMESPACE, workloads.OF_MODELS))[0],
        workloads.PROXY_PORT,
    )
