"""An object as ``serin init`` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serin.api import API_VERSION
from serin.cluster.client import Object


def item(kind: str, name: str, namespace: str, spec: Mapping[str, Any]) -> Object:
    """An object of Serin's."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": dict(spec)}
