"""How does traffic reach the models?  Contour reads the Gateway API and programs one Envoy."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.sandbox.cluster import condition_is_true, until
from e2e.sandbox.errors import PartError
from e2e.sandbox.inside import manifest
from e2e.sandbox.layout import GATEWAY_PORT
from e2e.sandbox.namespace import environment
from e2e.sandbox.service import Service, Step

if TYPE_CHECKING:
    from e2e.sandbox.inside import Inside

MANIFESTS = Path(__file__).with_name("manifests")
XDS_PORT = 8001
STATS_PORT = 8002
HEALTH_PORT = 8005
GATEWAY_PATH = "/apis/gateway.networking.k8s.io/v1/namespaces/gateways/gateways/models"
# Contour stops at once if it shall watch kinds whose definitions are not there: these are not in the
# standard channel, or of no use here.
DISABLED = ("tlsroutes", "tcproutes", "backendtlspolicies", "extensionservices")


def services(inside: Inside) -> list[Service | Step]:
    """Contour, Envoy, the Gateway object, and the wait until it is programmed."""
    return [
        Step("gateway-objects", lambda: _objects(inside), needs=("gateway-crds",)),
        _contour(inside),
        Step("envoy-config", lambda: _bootstrap(inside)),
        _envoy(inside),
        Step("gateway", lambda: _programmed(inside), needs=("envoy", "gateway-objects")),
    ]


def _contour(inside: Inside) -> Service:
    return Service(
        name="contour",
        needs=("gateway-objects",),
        command=(
            inside.binary("contour"),
            "serve",
            f"--config-path={MANIFESTS / 'contour.yaml'}",
            f"--kubeconfig={inside.layout.inner_kubeconfig}",
            "--insecure",  # the connection to Envoy does not leave the loopback of the namespace
            "--disable-leader-election",
            *(f"--disable-feature={feature}" for feature in DISABLED),
            "--xds-address=127.0.0.1",
            f"--xds-port={XDS_PORT}",
            "--http-address=127.0.0.1",
            "--http-port=8000",
            "--health-address=127.0.0.1",
            f"--health-port={HEALTH_PORT}",
            "--debug-http-address=127.0.0.1",
            "--stats-address=127.0.0.1",
            f"--stats-port={STATS_PORT}",
            f"--envoy-service-http-port={GATEWAY_PORT}",
            "--kubernetes-client-qps=200",
            "--kubernetes-client-burst=400",
        ),
        environment={"CONTOUR_NAMESPACE": "projectcontour", "HOME": inside.data("home")},
        ready=inside.answers(f"http://127.0.0.1:{HEALTH_PORT}/healthz"),
    )


def _envoy(inside: Inside) -> Service:
    return Service(
        name="envoy",
        needs=("envoy-config", "contour"),
        command=(
            inside.binary("envoy"),
            "--config-path",
            str(inside.layout.config / "envoy.json"),
            *("--service-cluster", "gateway", "--service-node", "envoy-1"),
            *("--log-level", "warn", "--concurrency", "1"),
            "--disable-hot-restart",  # its shared memory would meet other sandboxes' and outlive this one
        ),
        ready=inside.answers(f"http://127.0.0.1:{STATS_PORT}/ready"),
    )


async def _objects(inside: Inside) -> None:
    for item in manifest(MANIFESTS / "gateway.yaml"):
        await inside.cluster.apply(item)


async def _bootstrap(inside: Inside) -> None:
    config = inside.layout.config
    async with inside.reaper.spawning():
        process = await asyncio.create_subprocess_exec(
            *(inside.binary("contour"), "bootstrap", str(config / "envoy.json")),
            *("--xds-address=127.0.0.1", f"--xds-port={XDS_PORT}"),
            # Relative to the state folder, where all parts run: a socket's path has at most 107 bytes.
            "--admin-address=envoy-admin.sock",
            f"--resources-dir={config / 'envoy'}",
            cwd=inside.layout.root,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        output, _ = await process.communicate()
    if process.returncode != 0:
        raise PartError(f"contour bootstrap failed ({process.returncode}): {output.decode(errors='replace')}")
    _flush_often(config / "envoy.json")


def _flush_often(file: Path) -> None:
    """Envoy shows histograms only as of their last flush, by default each 5 s: too seldom for windows of seconds."""
    settings = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**settings, "stats_flush_interval": "1s"}), encoding="utf-8")


async def _programmed(inside: Inside) -> None:
    async def programmed() -> bool:
        return condition_is_true(await inside.cluster.get(GATEWAY_PATH), "Programmed")

    await until(programmed, what="the Gateway gateways/models is not programmed", seconds=120)
