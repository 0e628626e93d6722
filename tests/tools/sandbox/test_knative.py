"""What the sandbox makes of Knative's released objects, and how its controllers run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from e2e.sandbox import parts as pins
from e2e.sandbox.errors import BuildError
from e2e.sandbox.images.catalogue import Catalogue
from e2e.sandbox.knative import released, workloads
from e2e.sandbox.knative.services import PARTS

if TYPE_CHECKING:
    from pathlib import Path

CRD = {
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "services.serving.knative.dev", "creationTimestamp": None},
    "spec": {"conversion": {"strategy": "Webhook"}, "versions": []},
}
SETTINGS = {
    "kind": "ConfigMap",
    "metadata": {
        "name": "config-deployment",
        "annotations": {"knative.dev/example-checksum": "1"},
        "labels": {"app.kubernetes.io/name": "knative-serving"},
    },
    "data": {"_example": "long", "kept": "x"},
}
WEBHOOK = {"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "validation"}, "webhooks": []}
SECRET = {"kind": "Secret", "metadata": {"name": "webhook-certs"}}


def written(folder: Path, *items: dict[str, Any]) -> Path:
    (folder / "serving.yaml").write_text("\n---\n".join(map(yaml.safe_dump, items)))
    return folder


def test_released_objects_are_taken_with_our_settings(tmp_path: Path) -> None:
    found = released.load(written(tmp_path, CRD, SETTINGS, WEBHOOK, SECRET))
    assert found.crds[0]["spec"] == {"versions": []}
    [config] = found.settings
    assert config["metadata"]["namespace"] == "knative-serving"
    assert "annotations" not in config["metadata"]
    assert "_example" not in config["data"]
    assert (config["data"]["kept"], config["data"]["queue-sidecar-image"]) == ("x", released.QUEUE_IMAGE)
    assert [item["kind"] for item in found.webhooks] == ["Secret", "ValidatingWebhookConfiguration"]


def test_other_manifests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="not Knative's"):
        released.load(written(tmp_path, CRD))


def test_every_image_is_a_part_that_is_built() -> None:
    assert set(workloads.IMAGES.values()) == {part.name for part in pins.load(PARTS).parts}
    controllers = (*workloads.FIRST, workloads.NET_GATEWAY_API, workloads.activator("10.244.0.9"))
    used = {controller.image for controller in controllers}
    assert used | {released.QUEUE_IMAGE} == workloads.IMAGES.keys()


def test_a_further_image_is_a_program(tmp_path: Path) -> None:
    image = Catalogue(tmp_path, {"serin.sandbox/x:1": "/bin/x"}).find("serin.sandbox/x:1")
    assert image is not None
    assert image.command == ("/bin/x",)


def test_the_activator_knows_the_autoscaler_without_dns() -> None:
    pod = workloads.deployment(workloads.activator("10.244.0.9"), "/kubeconfig")["spec"]["template"]["spec"]
    assert pod["hostAliases"] == [{"ip": "10.244.0.9", "hostnames": [workloads.AUTOSCALER]}]
    assert pod["containers"][0]["args"] == ["--kubeconfig=/kubeconfig"]


def test_only_what_is_dialled_has_a_service() -> None:
    names = [service["metadata"]["name"] for c in workloads.FIRST if (service := workloads.service(c))]
    assert names == ["webhook", "autoscaler"]
    found = workloads.service(workloads.activator("10.244.0.9"))
    assert found is not None
    assert (found["metadata"]["name"], found["spec"]["selector"]) == ("activator-service", {"app": "activator"})
