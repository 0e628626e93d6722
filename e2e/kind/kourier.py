"""Knative Serving on the kind cluster behind Kourier, which has an Envoy of its own beside the cluster's gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e2e.kind import images, install
from e2e.kind.config import KOURIER_PORT
from e2e.kind.knative import KnativeKind
from e2e.sandbox.kourier import workloads
from e2e.sandbox.plan import Profile

if TYPE_CHECKING:
    from e2e.deploy.cluster import ClusterApi

XDS = "10.96.0.82"
"""The address of Kourier's Service: with a name Envoy's first question may find no DNS server yet."""
Json = dict[str, Any]


class KourierKind(KnativeKind):
    """The kind cluster with Knative Serving behind Kourier."""

    arms = "Kourier"
    ingress = workloads.KOURIER
    ingress_address = XDS
    profile = Profile.KOURIER

    @property
    def gateway_url(self) -> str:
        """Where clients reach models of mode Knative."""
        return self._url("kourier")

    @property
    def gateway_cluster_url(self) -> str:
        """The same inside the cluster."""
        return f"http://kourier.{workloads.NAMESPACE}"

    def _add_gateway(self, api: ClusterApi) -> None:
        """Kourier's Envoy, when Kourier is ready and has its address.

        Before that its connection may reach whoever answers for the address outside the cluster.
        """
        for item in gateway():
            install.patiently(api, item)
        install.deployments_ready(api)


def gateway() -> list[Json]:
    """Envoy, its Services, and the address at which it finds Kourier."""
    found = workloads.gateway(XDS, images.ENVOY)
    for item in found:
        if item["kind"] == "Service" and item["metadata"]["name"] == "kourier":
            [port] = item["spec"]["ports"]
            port["nodePort"] = KOURIER_PORT
            item["spec"]["type"] = "NodePort"
    return found
