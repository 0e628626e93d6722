"""What ``serin init`` writes, wherever it knows the model from: a ModelDeployment and its policy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from serin.api import API_VERSION
from serin.cli.init.policy import first_policy
from serin.cluster.client import Object


def with_policy(
    metadata: Mapping[str, str], spec: Mapping[str, Any], rps: float | None, threshold: timedelta | None
) -> tuple[list[Object], str]:
    """A PromotionPolicy for the traffic, the ModelDeployment of the same name, and a note on the first."""
    policy, about = first_policy(rps, threshold)
    documents = [_item("PromotionPolicy", metadata, policy), _item("ModelDeployment", metadata, spec)]
    return documents, f"PromotionPolicy {metadata['name']} is a beginning: {about}"


def _item(kind: str, metadata: Mapping[str, str], spec: Mapping[str, Any]) -> Object:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": dict(metadata), "spec": dict(spec)}
