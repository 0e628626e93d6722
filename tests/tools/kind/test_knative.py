"""What kind with Knative puts onto its cluster, and how that differs from the sandbox's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from e2e.kind import install, knative
from e2e.sandbox.knative.released import GATEWAYS, NAMESPACE, SETTINGS, KnativeReleased
from e2e.sandbox.knative.workloads import IMAGES

if TYPE_CHECKING:
    from e2e.deploy.cluster import ClusterApi


def config(name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": SETTINGS[name]}


CRD = {"kind": "CustomResourceDefinition", "metadata": {"name": "services.serving.knative.dev"}}
WEBHOOK = {"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "validation"}}
OBJECTS = knative.objects(KnativeReleased([CRD], [config(name) for name in SETTINGS], [WEBHOOK]))


def settings(name: str) -> dict[str, str]:
    return next(item["data"] for item in OBJECTS if (item["kind"], item["metadata"]["name"]) == ("ConfigMap", name))


def test_settings_come_before_the_webhook_that_has_to_answer_for_them() -> None:
    kinds = [item["kind"] for item in OBJECTS]
    assert kinds[0] == CRD["kind"]
    assert kinds[-1] == WEBHOOK["kind"]
    assert (
        kinds.index("Namespace") < kinds.index("ServiceAccount") < kinds.index("ConfigMap") < kinds.index("Deployment")
    )


def test_knatives_own_way_to_zero_is_taken() -> None:
    assert "target-burst-capacity" in SETTINGS["config-autoscaler"]
    assert settings("config-autoscaler") == {}


def test_routes_are_probed_at_kinds_gateway() -> None:
    assert "gateways/envoy" in GATEWAYS
    assert "service: projectcontour/envoy" in settings("config-gateway")["external-gateways"]
    assert SETTINGS["config-gateway"]["external-gateways"] == GATEWAYS, "the sandbox's are as they were"


def test_controllers_run_as_an_account_and_find_the_api_server_by_its_service() -> None:
    pods = [item["spec"]["template"]["spec"] for item in OBJECTS if item["kind"] == "Deployment"]
    assert {pod["serviceAccountName"] for pod in pods} == {knative.ACCOUNT}
    assert not any(pod["hostAliases"] for pod in pods)
    assert not any("KUBECONFIG" in str(pod) or "--kubeconfig" in str(pod) for pod in pods)


def test_every_image_that_is_named_is_made() -> None:
    made = {
        tag
        for image in knative.images({name: Path("/bin") / name for name in IMAGES.values()}, IMAGES)
        for tag in image.tags
    }
    named = {
        container["image"]
        for item in OBJECTS
        if item["kind"] == "Deployment"
        for container in item["spec"]["template"]["spec"]["containers"]
    }
    assert named | {SETTINGS["config-deployment"]["queue-sidecar-image"]} == made


def test_no_image_runs_as_root() -> None:
    made = knative.images({name: Path("/bin") / name for name in IMAGES.values()}, IMAGES)
    assert all(image.user.isdecimal() and int(image.user) for image in made), "the kubelet knows no names of users"


def deployment(generation: int = 2, **counts: int) -> dict[str, Any]:
    status = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "observedGeneration": 2} | counts
    metadata = {"name": "manager", "namespace": "kserve", "generation": generation}
    return {"metadata": metadata, "spec": {"replicas": 1}, "status": status}


@pytest.mark.parametrize(
    ("item", "is_ready"),
    [
        (deployment(), True),
        (deployment(readyReplicas=0), False),
        (deployment(generation=3), False),
        (deployment(replicas=2), False),  # an old pod is still there
        (deployment(updatedReplicas=0), False),
    ],
)
def test_a_deployment_is_ready_when_all_its_pods_are_new_ones(item: dict[str, Any], *, is_ready: bool) -> None:
    class Server:
        def list(self, *_: str) -> list[dict[str, Any]]:
            return [item]

    assert install.not_ready(cast("ClusterApi", Server())) == ([] if is_ready else ["kserve/manager"])
