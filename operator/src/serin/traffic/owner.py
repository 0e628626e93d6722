"""The ModelDeployment as owner of its objects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serin.api import API_VERSION, names

IS_HASH = re.compile(r"[0-9a-f]{64}")


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

    def owns(self, obj: Mapping[str, Any]) -> bool:
        """Whether ``obj`` carries the owner reference. Whoever may create objects can write one."""
        return any(ref.get("uid") == self.uid for ref in obj["metadata"].get("ownerReferences") or [])

    def marks(self, obj: Mapping[str, Any]) -> bool:
        """Whether ``obj`` carries Serin's labels of this very ModelDeployment, and nobody else owns it.

        An object that was left behind (``--cascade=orphan``) or came back from a backup has them without the owner.
        """
        metadata = obj["metadata"]
        labels, owners = metadata.get("labels") or {}, metadata.get("ownerReferences") or []
        labelled = (labels.get(names.MANAGED_BY), labels.get(names.MODEL_DEPLOYMENT)) == (names.MANAGER, self.name)
        ours = all((ref.get("kind"), ref.get("name")) == ("ModelDeployment", self.name) for ref in owners)
        return labelled and ours and metadata.get("namespace") == self.namespace


def stated_hash(obj: Mapping[str, Any]) -> str | None:
    """The whole content hash in the annotations of a workload; None without one (an earlier Serin wrote none)."""
    stated = str((obj["metadata"].get("annotations") or {}).get(names.CONTENT_HASH, ""))
    return stated if IS_HASH.fullmatch(stated) else None


def owner_of(obj: Mapping[str, Any]) -> Owner:
    """The owner from a ModelDeployment object."""
    metadata = obj["metadata"]
    return Owner(metadata["name"], metadata["namespace"], metadata["uid"])
