"""How Kourier and its Envoy run in the sandbox, and what they change of Knative's settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from e2e.sandbox import parts as pins
from e2e.sandbox.knative import released
from e2e.sandbox.knative import workloads as knative
from e2e.sandbox.kourier import workloads
from e2e.sandbox.launcher import EXTRAS
from e2e.sandbox.plan import Profile

if TYPE_CHECKING:
    from pathlib import Path


def objects(ip: str = "10.244.0.9") -> dict[tuple[str, str], dict[str, Any]]:
    return {(item["kind"], item["metadata"]["name"]): item for item in workloads.gateway(ip)}


def test_every_image_is_a_part_that_is_built() -> None:
    built = {part.name for folder in EXTRAS[Profile.KOURIER] for part in pins.load(folder).parts}
    assert set({**knative.IMAGES, **workloads.KOURIER.images}.values()) == built


def test_the_toolchain_is_new_enough_for_what_it_builds() -> None:
    catalogue = pins.load(workloads.PARTS)
    toolchain = tuple(int(number) for number in catalogue.toolchain.version.split("."))
    assert all(pins.required_go(part.module) <= toolchain for part in catalogue.parts)


def test_its_envoy_finds_it_without_dns() -> None:
    config = objects()["ConfigMap", "kourier-bootstrap"]["data"]["envoy.json"]
    clusters = {cluster["name"]: cluster for cluster in json.loads(config)["static_resources"]["clusters"]}
    [locality] = clusters["xds_cluster"]["load_assignment"]["endpoints"]
    [endpoint] = locality["lb_endpoints"]
    address = {"address": "10.244.0.9", "port_value": workloads.XDS_PORT}
    assert endpoint["endpoint"]["address"]["socket_address"] == address


def test_its_services_lead_to_its_envoy() -> None:
    found = objects()
    pod = found["Deployment", workloads.NODE_ID]["spec"]["template"]
    ports = {port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
    for name in ("kourier", "kourier-internal"):
        service = found["Service", name]["spec"]
        assert service["selector"].items() <= pod["metadata"]["labels"].items()
        assert {port["targetPort"] for port in service["ports"]} <= ports


def test_knatives_routes_are_kouriers(tmp_path: Path) -> None:
    """The ingress class is the only setting of Knative's own that another gateway changes."""
    network = {"kind": "ConfigMap", "metadata": {"name": "config-network"}, "data": {}}
    crd = {"kind": "CustomResourceDefinition", "metadata": {"name": "x"}, "spec": {}}
    webhook = {"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "x"}, "webhooks": []}
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all([network, crd, webhook]))
    [plain], [changed] = released.load(tmp_path).settings, released.load(tmp_path, workloads.KOURIER.settings).settings
    assert plain["data"] == released.SETTINGS["config-network"]
    assert changed["data"] == {"ingress-class": "kourier.ingress.networking.knative.dev"}
