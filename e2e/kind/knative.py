"""Knative Serving on the kind cluster, besides all that is there: as the sandbox has it, but for what kind does itself.

kind has cluster IPs and names, so Knative's own way to zero is taken, and nobody needs addresses beforehand. Its images
are brought onto the running node: the node's own image need not be another one for it.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from e2e.deploy.cluster import ClusterApi
from e2e.kind import install
from e2e.kind.cluster import Kind
from e2e.kind.image import Entry, Image, write
from e2e.sandbox import build, serving
from e2e.sandbox import parts as pins
from e2e.sandbox.knative import released, workloads
from e2e.sandbox.knative.services import PARTS
from e2e.sandbox.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from e2e.kind.config import Images
    from e2e.sandbox.knative.released import KnativeReleased

MANAGER = "kserve-controller-manager"
ACCOUNT = "controller"
ENVOY = "projectcontour/envoy"
STEPS = 3
USER = "65532"
"""Knative has its sidecar run as anybody but root, and the kubelet asks the image for a number."""
Json = dict[str, Any]


class KnativeKind(Kind):
    """The kind cluster with Knative Serving."""

    capabilities = Kind.capabilities | {"knative"}
    steady_rate = 60
    """At 120 two processors fall behind: requests pile up, the autoscaler adds pods, and their start takes the rest."""

    def up(self, *, images: Images | None = None) -> bool:
        """See :class:`Kind`; a cluster that runs without Knative gets it now."""
        started = super().up(images=images)
        with self._locked(), ClusterApi(self.kubeconfig) as api:
            if not is_there(api):
                self._add(api)
        return started

    def _add(self, api: ClusterApi) -> None:
        parts = build.build(catalogue=pins.load(PARTS))
        progress = Progress(total=STEPS)
        with progress.step("images", "onto the node"):
            archive = self.layout.root / "knative.tar"
            write(archive, *images(parts.binaries))
            self.load(archive)
            archive.unlink()
        with progress.step("knative", "applying"):
            for item in objects(released.load(parts.manifests)):
                install.patiently(api, item)
            install.deployments_ready(api)
        with progress.step("kserve", "starting anew"):
            # It decides at its start whether there is a Knative to make Services for.
            now = {"serin.dev/restarted-at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
            patch = {"spec": {"template": {"metadata": {"annotations": now}}}}
            api.merge("apps/v1", "Deployment", MANAGER, namespace=serving.NAMESPACE, patch=patch)
            install.deployments_ready(api)


def is_there(api: ClusterApi) -> bool:
    """Whether all of it is ready, and KServe was started after it."""
    found = api.get("apps/v1", "Deployment", MANAGER, serving.NAMESPACE) or {"spec": {"template": {"metadata": {}}}}
    return bool(found["spec"]["template"]["metadata"].get("annotations", {}).get("serin.dev/restarted-at"))


def images(binaries: Mapping[str, Path]) -> list[Image]:
    """Each controller, and the sidecar of every revision, as an image of one program."""
    return [
        Image([tag], [[Entry(program, binaries[name])]], entrypoint=[f"/{program}"], user=USER)
        for tag, name in workloads.IMAGES.items()
        for program in (f"usr/local/bin/{name}",)
    ]


def objects(knative: KnativeReleased) -> list[Json]:
    """All of it, in order."""
    metadata = {"name": released.NAMESPACE, "labels": {"app.kubernetes.io/name": released.NAMESPACE}}
    controllers = [replace(controller, aliases={}) for controller in (*workloads.FIRST, workloads.activator(""))]
    services = [service for controller in controllers if (service := workloads.service(controller)) is not None]
    return [
        *knative.crds,
        {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata},
        *_rights(),
        *map(_settings, knative.settings),
        *services,
        *(workloads.deployment(controller, account=ACCOUNT) for controller in controllers),
        *knative.webhooks,
    ]


def _rights() -> list[Json]:
    """One account for all controllers, which may do anything, as their file with the token may on the sandbox."""
    metadata = {"name": ACCOUNT, "namespace": released.NAMESPACE}
    group = "rbac.authorization.k8s.io"
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{released.NAMESPACE}-{ACCOUNT}"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", **metadata}],
    }
    return [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}, binding]


def _settings(item: Json) -> Json:
    """The sandbox's settings, with kind's gateway, Knative's own way to zero, and time for pods that import."""
    item = copy.deepcopy(item)
    data = item["data"]
    data.pop("target-burst-capacity", None)
    if "progress-deadline" in data:
        data["progress-deadline"] = "120s"
    for key in ("external-gateways", "local-gateways"):
        if key in data:
            data[key] = data[key].replace("gateways/envoy", ENVOY)
    return item
