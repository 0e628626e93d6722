"""What the sandbox makes of Envoy Gateway's released objects, and how it and its Envoy run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from e2e.sandbox import parts as pins
from e2e.sandbox.cli import _profile_with
from e2e.sandbox.envoygateway import released, workloads
from e2e.sandbox.envoygateway.services import PARTS
from e2e.sandbox.errors import BuildError, SandboxError
from e2e.sandbox.images.catalogue import ENVOY
from e2e.sandbox.plan import Extra, Profile

if TYPE_CHECKING:
    from pathlib import Path


def crd(group: str) -> dict[str, Any]:
    return {
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"x.{group}", "creationTimestamp": None},
        "spec": {"group": group},
        "status": {},
    }


def test_its_definitions_and_those_of_its_gateway_api_are_taken(tmp_path: Path) -> None:
    items = [crd(group) for group in sorted(released.GROUPS)]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(items))
    found = released.load(tmp_path)
    assert [item["metadata"] for item in found] == [{"name": f"x.{group}"} for group in sorted(released.GROUPS)]
    assert all("status" not in item for item in found)


def test_other_manifests_are_refused(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(yaml.safe_dump(crd("gateway.networking.k8s.io")))
    with pytest.raises(BuildError, match="not Envoy Gateway's"):
        released.load(tmp_path)


def test_every_image_is_a_part_that_is_built() -> None:
    assert set(workloads.IMAGES.values()) == {part.name for part in pins.load(PARTS).parts}


def test_the_toolchain_is_new_enough_for_what_it_builds() -> None:
    catalogue = pins.load(PARTS)
    toolchain = tuple(int(number) for number in catalogue.toolchain.version.split("."))
    assert all(pins.required_go(part.module) <= toolchain for part in catalogue.parts)


def test_its_envoy_finds_it_without_dns_and_has_a_cluster_for_each_service() -> None:
    proxy, _, gateway = workloads.gateway("10.244.0.9")
    assert "mergeBackends" in proxy["spec"]
    deployment = proxy["spec"]["provider"]["kubernetes"]["envoyDeployment"]
    pod = deployment["patch"]["value"]["spec"]["template"]["spec"]
    assert pod["hostAliases"] == [{"ip": "10.244.0.9", "hostnames": [workloads.XDS_NAME]}]
    assert deployment["container"]["image"] == ENVOY
    asked = next(patch for patch in proxy["spec"]["bootstrap"]["jsonPatches"] if patch["value"] == "V4_ONLY")
    assert asked["path"] == "/dns_lookup_family"  # /etc/hosts has no other, and nobody else is there to be asked
    metadata, [listener] = gateway["metadata"], gateway["spec"]["listeners"]
    assert f"{metadata['namespace']}/{metadata['name']}" == "gateways/models"
    assert listener["port"] + 10000 == workloads.PROXY_PORT


def test_a_sandbox_has_one_optional_part() -> None:
    assert _profile_with({Extra.ENVOY_GATEWAY}) is Profile.ENVOY_GATEWAY
    with pytest.raises(SandboxError, match="Start two"):
        _profile_with(set(Extra))
