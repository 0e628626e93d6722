"""What kind with Knative behind Kourier puts onto its cluster, and how that differs from net-gateway-api."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from e2e.kind import knative, kourier
from e2e.kind.config import KOURIER_PORT
from e2e.kind.errors import KindError
from e2e.kind.images import ENVOY
from e2e.kind.kourier import KourierKind
from e2e.sandbox.knative.ingress import NET_GATEWAY_API
from e2e.sandbox.knative.released import NAMESPACE, SETTINGS, KnativeReleased
from e2e.sandbox.kourier import workloads

if TYPE_CHECKING:
    from e2e.deploy.cluster import ClusterApi


def config(name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": SETTINGS[name]}


RELEASED = KnativeReleased([], [config(name) for name in SETTINGS], [])


def test_kourier_stands_in_net_gateway_apis_place_at_the_address_that_its_envoy_dials() -> None:
    found = knative.objects(RELEASED, KourierKind.ingress, KourierKind.ingress_address)
    names = {(item["kind"], item["metadata"]["name"]) for item in found}
    assert ("Deployment", "net-kourier-controller") in names
    assert ("ConfigMap", "config-kourier") in names
    assert ("Deployment", NET_GATEWAY_API.controller.name) not in names
    [address] = [item["spec"]["clusterIP"] for item in found if "clusterIP" in item.get("spec", {})]
    bootstrap = next(item for item in kourier.gateway() if item["kind"] == "ConfigMap")
    assert f'"address": "{address}", "port_value": {workloads.XDS_PORT}' in bootstrap["data"]["envoy.json"]


def test_its_gateway_listens_where_the_host_reaches_it_and_has_the_image_of_the_node() -> None:
    found = {(item["kind"], item["metadata"]["name"]): item for item in kourier.gateway()}
    [port] = found["Service", "kourier"]["spec"]["ports"]
    assert (port["nodePort"], port["targetPort"]) == (KOURIER_PORT, workloads.PROXY_PORT)
    assert "type" not in found["Service", "kourier-internal"]["spec"]
    pod = found["Deployment", workloads.NODE_ID]["spec"]["template"]["spec"]
    assert [container["image"] for container in pod["containers"]] == [ENVOY]


@pytest.mark.parametrize(("there", "told"), [({}, ""), (None, ""), ({"ingress-class": "kourier"}, "kourier")])
def test_the_ingress_that_a_cluster_has_is_read_of_its_settings(there: dict[str, str] | None, told: str) -> None:
    class Server:
        def get(self, *_: str) -> dict[str, Any] | None:
            return None if there is None else {"data": there}

    assert knative.ingress_class(cast("ClusterApi", Server())) == told


def test_a_cluster_with_the_other_ingress_is_told() -> None:
    with pytest.raises(KindError, match=r"has the ingress gateway-api\.ingress.*not Kourier: serin-kind down, then up"):
        knative.refuse_another(NET_GATEWAY_API.class_name, KourierKind.ingress)
