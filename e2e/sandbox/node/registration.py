"""How does the cluster know that the node exists and is alive?"""

from __future__ import annotations

import asyncio
import logging
import platform
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from .api import MERGE, STRATEGIC, Api, ApiError, Json, timestamp
from .logs import KUBELET_PORT

if TYPE_CHECKING:
    from .config import NodeConfig

HEARTBEAT_S = 10
_NODE_STATUS_S = 300
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
_RETRY_S = 0.5

# Promised, not measured: nothing is scheduled by it.
_CAPACITY = {"cpu": "64", "memory": "64Gi", "pods": "200", "ephemeral-storage": "100Gi"}

log = logging.getLogger(__name__)


class Registration:
    """The Node object and the lease that says it is alive."""

    def __init__(self, api: Api, config: NodeConfig) -> None:
        self._api = api
        self._config = config
        self._began = timestamp()

    async def register(self) -> None:
        """Create or refresh the Node; tried until the API server takes it."""
        name = self._config.node_name
        body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels(name)}}
        while True:
            try:
                await self._create("/api/v1/nodes", body)
                await self._write_status()
                await self._renew()
            except ApiError as error:
                log.warning("node not registered, will be tried again: %s", error)
                await asyncio.sleep(_RETRY_S)
            else:
                return

    async def run(self) -> None:
        """Keep the lease and the node's status fresh until cancelled."""
        beats = 0
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            beats += 1
            try:
                await self._renew()
                if beats * HEARTBEAT_S % _NODE_STATUS_S == 0:
                    await self._write_status()
            except ApiError as error:
                log.warning("heartbeat failed: %s", error)

    async def _create(self, path: str, body: Json) -> None:
        try:
            await self._api.post(path, body)
        except ApiError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise

    async def _write_status(self) -> None:
        status = node_status(self._config.host_ip, self._began)
        await self._api.patch(f"/api/v1/nodes/{self._config.node_name}/status", {"status": status}, STRATEGIC)

    async def _renew(self) -> None:
        name = self._config.node_name
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        spec: Json = {"holderIdentity": name, "leaseDurationSeconds": 4 * HEARTBEAT_S, "renewTime": now}
        try:
            await self._api.patch(f"{_LEASES}/{name}", {"spec": spec}, MERGE)
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            body: Json = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}}
            await self._create(_LEASES, {**body, "spec": spec})


def labels(name: str) -> dict[str, str]:
    """Give the node's labels, as a kubelet sets them."""
    machine = {"kubernetes.io/os": "linux", "kubernetes.io/arch": _architecture()}
    return {"kubernetes.io/hostname": name, **machine}


def resources() -> frozenset[str]:
    """Name the kinds of resources the node has."""
    return frozenset(_CAPACITY)


def node_status(host_ip: str, began: str) -> Json:
    """Build the Node's status; the node counts as ready since `began`."""
    pressures = [("Ready", "True", "KubeletReady", "the sandbox's node agent is running")]
    kinds = ("Memory", "Disk", "PID")
    pressures += [(f"{kind}Pressure", "False", f"KubeletHasNo{kind}Pressure", "") for kind in kinds]
    return {
        "capacity": _CAPACITY,
        "allocatable": _CAPACITY,
        "addresses": [{"type": "InternalIP", "address": host_ip}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET_PORT}},
        "conditions": [
            {
                "type": kind,
                "status": status,
                "reason": reason,
                "message": message,
                "lastHeartbeatTime": timestamp(),
                "lastTransitionTime": began,
            }
            for kind, status, reason, message in pressures
        ],
        "nodeInfo": {
            **dict.fromkeys(("machineID", "systemUUID", "bootID", "kubeProxyVersion"), ""),
            "kernelVersion": platform.release(),
            "osImage": "Serin sandbox",
            "kubeletVersion": "v1.36.3+serin-sandbox",
            "containerRuntimeVersion": "process://1",
            "operatingSystem": "linux",
            "architecture": _architecture(),
        },
    }


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
