"""The ModelDeployment as owner of its objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serin.api import API_VERSION, names


@dataclass(frozen=True, slots=True)
class Owner:
    """The ModelDeployment that owns an object."""

    name: str
    namespace: str
    uid: str

    def reference(self) -> dict[str, Any]:
        """The controller owner reference, by which objects are garbage-collected with the ModelDeployment."""
        return {
            "apiVersion": API_VERSION,
            "kind": "ModelDeployment",
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }

    def metadata(self, name: str) -> dict[str, Any]:
        """Metadata of an owned object."""
        return {
            "name": name,
            "namespace": self.namespace,
            "labels": {names.MANAGED_BY: names.MANAGER, names.MODEL_DEPLOYMENT: self.name},
            "ownerReferences": [self.reference()],
        }


def owner_of(obj: Mapping[str, Any]) -> Owner:
    """The owner from a ModelDeployment object."""
    metadata = obj["metadata"]
    return Owner(metadata["name"], metadata["namespace"], metadata["uid"])
