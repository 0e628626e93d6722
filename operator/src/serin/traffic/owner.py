"""The ModelDeployment as owner of what is built for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serin.api import API_VERSION, names


@dataclass(frozen=True, slots=True)
class Owner:
    """The ModelDeployment that owns what is built."""

    name: str
    namespace: str
    uid: str

    def reference(self) -> dict[str, Any]:
        """The controller ownerReference: deleting the ModelDeployment collects its children."""
        return {
            "apiVersion": API_VERSION,
            "kind": "ModelDeployment",
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }

    def metadata(self, name: str) -> dict[str, Any]:
        """Metadata of a child."""
        return {
            "name": name,
            "namespace": self.namespace,
            "labels": {names.MANAGED_BY: names.MANAGER, names.MODEL_DEPLOYMENT: self.name},
            "ownerReferences": [self.reference()],
        }


def owner_of(obj: Mapping[str, Any]) -> Owner:
    """The owner that a ModelDeployment, as it was read, is to its children."""
    metadata = obj["metadata"]
    return Owner(metadata["name"], metadata["namespace"], metadata["uid"])
