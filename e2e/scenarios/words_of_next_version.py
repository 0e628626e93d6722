"""The operator as its next version might be: statuses and records hold words that this version does not know."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from serin.cluster import client, connection, resources
from serin.controller.process import main

if TYPE_CHECKING:
    from serin.cluster.client import Object
    from serin.cluster.paging import Page
    from serin.cluster.resources import Resource

REASONS = {
    "CollectingEvidence": "GatheringEvidence",
    "MetricsUnavailable": "SourcesUnavailable",
    "NoData": "NothingHeard",
    "SLOBreached": "ObjectiveBroken",
    "AllRequestsBad": "ObjectiveBroken",
}
WORDS = {
    "phase": {"Progressing": "Advancing"},
    "reason": REASONS,
    "cause": REASONS,
    "outcome": {"RolledBack": "TakenBack"},
    "action": {"Hold": "Pin"},
}
"""Per field: this version's word, and the next one's."""
MEANINGS = {field: {theirs: ours for ours, theirs in words.items()} for field, words in WORDS.items()}
SPOKEN = frozenset({resources.MODEL_DEPLOYMENTS.plural, resources.PROMOTION_RECORDS.plural})


def translated(value: object, words: dict[str, dict[str, str]], field: str = "") -> object:
    """A status with the words of its fields replaced."""
    if isinstance(value, dict):
        return {name: translated(inner, words, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [translated(inner, words) for inner in value]
    return words.get(field, {}).get(value, value) if isinstance(value, str) else value


class TranslatingCluster(client.KubernetesCluster):
    """A client that writes the words of the next version and reads them as those of this one."""

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """Returns the object in this version's words."""
        return _in(MEANINGS, resource, await super().get(resource, namespace, name))

    async def list_page(self, resource: Resource, namespace: str, selector: str, *, limit: int, token: str) -> Page:
        """Returns the objects in this version's words; every list is read by pages."""
        page = await super().list_page(resource, namespace, selector, limit=limit, token=token)
        return replace(page, items=[_in(MEANINGS, resource, item) for item in page.items])

    async def update_status(self, resource: Resource, body: Object) -> Object:
        """Writes the status in the next version's words."""
        return await super().update_status(resource, _in(WORDS, resource, body))

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        """Writes annotations, which are JSON, in the next version's words, too."""
        annotations = (patch.get("metadata") or {}).get("annotations")
        if resource.plural in SPOKEN and annotations:
            texts = {key: json.dumps(translated(json.loads(text), WORDS)) for key, text in annotations.items()}
            patch = {**patch, "metadata": {**patch["metadata"], "annotations": texts}}
        return await super().merge(resource, namespace, name, patch)


def _in(words: dict[str, dict[str, str]], resource: Resource, item: Object) -> Object:
    if resource.plural not in SPOKEN or not item.get("status"):
        return item
    return {**item, "status": translated(item["status"], words)}


if __name__ == "__main__":
    connection.KubernetesCluster = TranslatingCluster  # type: ignore[attr-defined]
    main()
