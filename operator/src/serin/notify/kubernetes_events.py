"""The sink that creates a Kubernetes Event of the ModelDeployment per announcement."""

from __future__ import annotations

import uuid

from serin.api import names
from serin.cluster import resources
from serin.cluster.client import Object
from serin.notify.sink import SinkContext, Subject
from serin.rollout.decision import Announcement
from serin.schema.types import format_time

LONGEST_MESSAGE = 1024
"""Limit of the API server."""


class KubernetesEvents:
    """Creates one Event for each announcement."""

    def __init__(self, context: SinkContext) -> None:
        self._cluster = context.cluster

    async def publish(self, subject: Subject, announcement: Announcement) -> None:
        """Creates the Event; raises ``ClusterError``."""
        await self._cluster.create(resources.EVENTS, subject.namespace, _event(subject, announcement))


def _event(subject: Subject, announcement: Announcement) -> Object:
    metadata = subject.obj["metadata"]
    at = format_time(subject.at.replace(microsecond=0))
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{subject.name}.{uuid.uuid4().hex[:16]}", "namespace": subject.namespace},
        "involvedObject": {
            "apiVersion": subject.obj["apiVersion"],
            "kind": subject.obj["kind"],
            "name": subject.name,
            "namespace": subject.namespace,
            "uid": metadata["uid"],
        },
        "type": "Warning" if announcement.warning else "Normal",
        "reason": announcement.name,
        "message": announcement.message[:LONGEST_MESSAGE],
        "source": {"component": names.MANAGER},
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }
