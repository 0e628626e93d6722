"""What is kind told to make, and where do its images come from?"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME: Final = "serin-e2e"
NODE: Final = f"{NAME}-control-plane"
CONTEXT: Final = f"kind-{NAME}"
# Inside the node; the host's side gets free ports of the loopback.
GATEWAY_PORT, KOURIER_PORT, PROMETHEUS_PORT = 30080, 30081, 30090
PORTS = {"gateway": GATEWAY_PORT, "kourier": KOURIER_PORT, "prometheus": PROMETHEUS_PORT}
"""By name; of Kourier's nobody answers where it is not installed: they are opened when the node is made."""
# What kind v0.33.0's release notes pair with Kubernetes 1.36. There is none for 1.36.3, which the built node has.
OFFICIAL_NODE: Final = "kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed"

Json = dict[str, Any]


class Images(StrEnum):
    """Where the node's image and those of the add-ons come from."""

    BUILT = "built"
    """Written here from Go modules, Debian and Python packages: no registry, but root."""
    REGISTRY = "registry"
    """Pulled as released; only the model server's image is built, by the engine."""


def configuration(images: Images, node: str, ports: Mapping[str, int]) -> Json:
    """Kind's configuration: one node with the image ``node``, and its ports on the loopback."""
    kubelet = {"kind": "KubeletConfiguration", "failCgroupV1": False, "cpuCFSQuota": True}
    networking: Json = {"ipFamily": "ipv4", "apiServerAddress": "127.0.0.1"}
    if images is Images.BUILT:
        # kindnetd and iptables are not in our node: its own bridge, and kube-proxy by nftables.
        networking |= {"disableDefaultCNI": True, "kubeProxyMode": "nftables"}
    mappings = [
        {"containerPort": inside, "hostPort": ports[name], "listenAddress": "127.0.0.1"}
        for name, inside in PORTS.items()
    ]
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": NAME,
        "networking": networking,
        "nodes": [{"role": "control-plane", "image": node, "extraPortMappings": mappings}],
        "kubeadmConfigPatches": [yaml.safe_dump(kubelet)],
    }
