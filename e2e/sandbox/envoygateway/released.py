"""Which of Envoy Gateway's released objects does the sandbox put onto its API server?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from e2e.sandbox.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path

GROUPS = {"gateway.envoyproxy.io", "gateway.networking.k8s.io"}


def load(folder: Path) -> list[dict[str, Any]]:
    """The definitions in ``folder``, those of the Gateway API that Envoy Gateway is made for among them.

    BuildError if they are not those of the pinned release.
    """
    crds = [
        item
        for file in sorted(folder.glob("*.yaml"))
        for item in yaml.load_all(file.read_text("utf-8"), Loader=yaml.CSafeLoader)
        if item and item["kind"] == "CustomResourceDefinition"
    ]
    for crd in crds:
        crd["metadata"].pop("creationTimestamp", None)
        crd.pop("status", None)
    if {crd["spec"]["group"] for crd in crds} != GROUPS:
        raise BuildError(f"The manifests in {folder} are not Envoy Gateway's of the pinned release.")
    return crds
