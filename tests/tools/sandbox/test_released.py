from __future__ import annotations

import json
from pathlib import Path

import pytest

from e2e.sandbox import released, serving
from e2e.sandbox.errors import BuildError
from e2e.sandbox.inside import manifest

CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  annotations: {{}}
  creationTimestamp: null
  name: {plural}.{group}
spec:
  group: {group}
  names: {{plural: {plural}}}
  versions:
  - {{name: v1, served: true}}
  - {{name: v0, served: false}}
"""
WEBHOOK = """\
kind: MutatingWebhookConfiguration
metadata:
  annotations: {cert-manager.io/inject-ca-from: kserve/serving-cert}
  name: inferenceservice.serving.kserve.io
webhooks:
- clientConfig:
    service: {name: s, namespace: n, path: /mutate}
  name: w
"""
KSERVE = "\n---\n".join(
    [
        CRD.format(plural="inferenceservices", group="serving.kserve.io"),
        CRD.format(plural="llminferenceservices", group="serving.kserve.io"),
        CRD.format(plural="inferencepools", group="inference.networking.k8s.io"),
        "kind: Deployment\nmetadata:\n  name: kserve-controller-manager\n",
        "kind: ConfigMap\nmetadata:\n  name: inferenceservice-config\ndata:\n  _example: x\n  ingress: '{\"a\": 1}'\n",
        "kind: ClusterStorageContainer\nmetadata:\n  name: default\n  namespace: kserve\n",
        WEBHOOK,
        "kind: ValidatingWebhookConfiguration\nmetadata:\n  name: llminferenceservice.serving.kserve.io\n",
    ]
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "kserve-kserve.yaml").write_text(KSERVE)
    (tmp_path / "gateway-api.yaml").write_text(CRD.format(plural="gateways", group="gateway.networking.k8s.io"))
    return tmp_path


def names(items: list[dict[str, object]]) -> list[str]:
    return [item["metadata"]["name"] for item in items]  # type: ignore[index]


def test_only_what_is_needed_is_taken(folder: Path) -> None:
    found = released.load(folder)
    assert names(found.kserve_crds) == ["inferenceservices.serving.kserve.io"]
    assert names(found.gateway_crds) == ["gateways.gateway.networking.k8s.io"]
    assert names(found.webhooks) == ["inferenceservice.serving.kserve.io"]
    assert released.versions(found.gateway_crds) == {"gateway.networking.k8s.io/v1": frozenset({"gateways"})}


def test_the_result_is_kept_beside_the_manifests(folder: Path) -> None:
    first = released.load(folder)
    for file in folder.glob("*.yaml"):
        file.unlink()
    assert released.load(folder) == first


def test_a_kept_result_of_another_format_is_not_used(folder: Path) -> None:
    (folder / released.CACHED).write_text(json.dumps({"format": -1}))
    assert names(released.load(folder).kserve_crds)


def test_other_manifests_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("kind: ConfigMap\nmetadata:\n  name: other\n")
    with pytest.raises(BuildError, match="not the ones of the pinned releases"):
        released.load(tmp_path)


def test_kserves_settings_keep_what_we_do_not_change(folder: Path) -> None:
    data = serving.settings(released.load(folder).settings)["data"]
    assert "_example" not in data
    assert json.loads(data["deploy"]) == {"defaultDeploymentMode": "Standard"}
    ingress = json.loads(data["ingress"])
    assert (ingress["a"], ingress["disableIngressCreation"]) == (1, True)


def test_kserve_routes_to_the_scenarios_gateway_where_it_is_to_route(folder: Path) -> None:
    ingress = json.loads(serving.settings(released.load(folder).settings, routes=True)["data"]["ingress"])
    assert (ingress["disableIngressCreation"], ingress["enableGatewayApi"]) == (False, True)
    assert ingress["kserveIngressGateway"] == "gateways/models"


def test_webhooks_point_at_the_loopback_and_carry_the_authority(folder: Path) -> None:
    found = released.load(folder)
    [webhook] = serving.webhooks(found.webhooks, "Q0E=")
    assert webhook["metadata"] == {"name": "inferenceservice.serving.kserve.io"}
    assert webhook["webhooks"][0]["clientConfig"] == {"url": "https://127.0.0.1:9443/mutate", "caBundle": "Q0E="}
    assert "service" in found.webhooks[0]["webhooks"][0]["clientConfig"]


def test_the_runtime_can_be_told_another_model_name() -> None:
    [runtime] = manifest(serving.RUNTIME)
    [container] = runtime["spec"]["containers"]
    assert "--model_name={{.Name}}" in container["args"]
    assert "{{" not in container["readinessProbe"]["httpGet"]["path"]
