"""Knative Serving on the kind cluster, besides all that is there: as the sandbox has it, but for what kind does itself.

kind has cluster IPs and names, so Knative's own way to zero is taken, and nobody needs addresses beforehand. Its images
are brought onto the running node: the node's own image need not be another one for it.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from e2e.deploy.cluster import ClusterApi
from e2e.kind import install
from e2e.kind.cluster import Kind
from e2e.kind.errors import KindError
from e2e.kind.image import Entry, Image, write
from e2e.sandbox import build, serving
from e2e.sandbox.knative import released, workloads
from e2e.sandbox.knative.ingress import CLASS, NET_GATEWAY_API
from e2e.sandbox.launcher import EXTRAS
from e2e.sandbox.plan import Profile
from e2e.sandbox.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from e2e.kind.config import Images
    from e2e.sandbox.knative.ingress import Ingress
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
    """To Python models; their start takes seconds of two slow processors."""
    ingress: ClassVar[Ingress] = NET_GATEWAY_API
    ingress_address: ClassVar[str] = ""
    profile: ClassVar[Profile] = Profile.KNATIVE
    """The sandbox's, for which the same is built."""

    def up(self, *, images: Images | None = None) -> bool:
        """See :class:`Kind`; a cluster that runs without Knative gets it now. KindError if it has another ingress."""
        started = super().up(images=images)
        with self._locked(), ClusterApi(self.kubeconfig) as api:
            refuse_another(ingress_class(api), self.ingress)
            if not is_there(api):
                self._add(api)
        return started

    def _add(self, api: ClusterApi) -> None:
        parts = build.build_all(EXTRAS[self.profile])
        progress = Progress(total=STEPS)
        with progress.step("images", "onto the node"):
            archive = self.layout.root / "knative.tar"
            write(archive, *images(parts.binaries, {**workloads.IMAGES, **self.ingress.images}))
            self.load(archive)
            archive.unlink()
        with progress.step("knative", "applying"):
            knative = released.load(parts.manifests, self.ingress.settings)
            for item in objects(knative, self.ingress, self.ingress_address):
                install.patiently(api, item)
            install.deployments_ready(api)
            self._add_gateway(api)
        with progress.step("kserve", "starting anew"):
            # It decides at its start whether there is a Knative to make Services for.
            now = {"serin.dev/restarted-at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
            patch = {"spec": {"template": {"metadata": {"annotations": now}}}}
            api.merge("apps/v1", "Deployment", MANAGER, namespace=serving.NAMESPACE, patch=patch)
            install.deployments_ready(api)

    def _add_gateway(self, api: ClusterApi) -> None:
        """The cluster's own gateway will do."""


def is_there(api: ClusterApi) -> bool:
    """Whether all of it is ready, and KServe was started after it."""
    found = api.get("apps/v1", "Deployment", MANAGER, serving.NAMESPACE) or {"spec": {"template": {"metadata": {}}}}
    return bool(found["spec"]["template"]["metadata"].get("annotations", {}).get("serin.dev/restarted-at"))


def ingress_class(api: ClusterApi) -> str:
    """By which class Knative's routes ask for their gateway; empty where there is no Knative."""
    found = api.get("v1", "ConfigMap", "config-network", released.NAMESPACE) or {}
    return str((found.get("data") or {}).get(CLASS, ""))


def refuse_another(there: str, wanted: Ingress) -> None:
    """KindError if the cluster's Knative has a gateway, and another one."""
    if there not in {"", wanted.class_name}:
        raise KindError(f"The cluster's Knative has the ingress {there}, not {wanted.name}: serin-kind down, then up.")


def images(binaries: Mapping[str, Path], wanted: Mapping[str, str]) -> list[Image]:
    """Each controller, and the sidecar of every revision, as an image of one program.

    ``wanted`` is the binary behind each image.
    """
    return [
        Image([tag], [[Entry(program, binaries[name])]], entrypoint=[f"/{program}"], user=USER)
        for tag, name in wanted.items()
        for program in (f"usr/local/bin/{name}",)
    ]


def objects(knative: KnativeReleased, ingress: Ingress = NET_GATEWAY_API, address: str = "") -> list[Json]:
    """All of it, in order; ``address`` is that of the ingress's Service, if it shall have a certain one."""
    metadata = {"name": released.NAMESPACE, "labels": {"app.kubernetes.io/name": released.NAMESPACE}}
    last = workloads.activator("")
    controllers = [replace(controller, aliases={}) for controller in (*workloads.FIRST, ingress.controller, last)]
    services = [service for controller in controllers if (service := workloads.service(controller)) is not None]
    for service in services:
        if address and service["metadata"]["name"] == ingress.controller.name:
            service["spec"]["clusterIP"] = address
    return [
        *knative.crds,
        {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata},
        *_rights(),
        *map(_settings, knative.settings),
        *ingress.config,
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
