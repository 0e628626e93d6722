"""Which of Knative's released objects does the sandbox put onto its API server, and with which changes?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from e2e.sandbox.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAMESPACE = "knative-serving"
QUEUE_IMAGE = "serin.sandbox/knative-queue:1"
GATEWAYS = """\
- class: contour
  gateway: gateways/models
  service: gateways/envoy
  http-listener-name: http
"""
SETTINGS: dict[str, dict[str, str]] = {
    "config-deployment": {
        "queue-sidecar-image": QUEUE_IMAGE,
        # Our images are names in a catalogue: there is no registry that could resolve a tag.
        "registries-skipping-tag-resolving": "serin.sandbox,kserve,index.docker.io",
        "progress-deadline": "60s",
    },
    # The autoscaler lets the last pod go when it knows that the activator is before it. By default it asks the
    # revision's Service, by its name and cluster IP, which lead nowhere here; this says that the activator always is.
    "config-autoscaler": {"target-burst-capacity": "-1"},
    "config-network": {"ingress-class": "gateway-api.ingress.networking.knative.dev"},
    "config-domain": {"example.com": ""},
    "config-gateway": {"external-gateways": GATEWAYS, "local-gateways": GATEWAYS},
    "config-features": {"kubernetes.podspec-init-containers": "enabled"},
    "config-observability": {"request-metrics-protocol": "prometheus"},
}


@dataclass(frozen=True, slots=True)
class KnativeReleased:
    """Objects as released, with the sandbox's changes."""

    crds: list[dict[str, Any]]
    settings: list[dict[str, Any]]
    webhooks: list[dict[str, Any]]
    """Their configurations, and the Secret in which the webhook keeps its certificate."""


def load(folder: Path, changes: Mapping[str, Mapping[str, str]] | None = None) -> KnativeReleased:
    """The objects from the manifests in ``folder``; ``changes`` to our settings, by config map.

    BuildError if they are not those of the pinned release.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for file in sorted(folder.glob("*.yaml")):
        for item in yaml.load_all(file.read_text("utf-8"), Loader=yaml.CSafeLoader):
            if item:
                item["metadata"].pop("creationTimestamp", None)
                found.setdefault(item["kind"], []).append(item)
    configurations = [*found.get("MutatingWebhookConfiguration", []), *found.get("ValidatingWebhookConfiguration", [])]
    released = KnativeReleased(
        crds=[_without_conversion(crd) for crd in found.get("CustomResourceDefinition", [])],
        settings=[_configured(item, changes or {}) for item in found.get("ConfigMap", [])],
        webhooks=[*map(_placed, found.get("Secret", [])), *configurations],
    )
    if not (released.crds and released.settings and configurations):
        raise BuildError(f"The manifests in {folder} are not Knative's of the pinned release.")
    return released


def _without_conversion(crd: dict[str, Any]) -> dict[str, Any]:
    """One version of each kind is enough here, and the conversion webhook would be one more thing to wait for."""
    crd["spec"].pop("conversion", None)
    crd.pop("status", None)
    return crd


def _configured(item: dict[str, Any], changes: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """A config map with our settings; the example in it, and its checksum, go."""
    name = item["metadata"]["name"]
    data = {key: value for key, value in (item.get("data") or {}).items() if key != "_example"}
    metadata = {"name": name, "namespace": NAMESPACE, "labels": item["metadata"].get("labels", {})}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {**data, **SETTINGS.get(name, {}), **changes.get(name, {})},
    }


def _placed(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "metadata": {**item["metadata"], "namespace": NAMESPACE}}
