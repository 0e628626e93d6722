"""A real Kubernetes on this machine: kind, with KServe, a gateway, Prometheus and the real node agent.

What the sandbox replaces (kubelet, containers, scheduling, autoscaling), nothing replaces here. Where a registry and a
Docker engine are at hand, official images are used; elsewhere everything is built from the module registries.
"""

from __future__ import annotations

from e2e.kind.cluster import Kind

__all__ = ["Kind"]
