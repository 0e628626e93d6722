"""What is told of requests that failed and should not have."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2e.deploy.cluster import ClusterApi
    from e2e.load.answer import Answer

EVENTS = 12
"""How many of the newest warnings are told."""


def told(api: ClusterApi, namespace: str, failed: Sequence[Answer]) -> str:
    """The first and the last of them, and what went wrong around them as the cluster's events tell it."""
    first, last = (f"{datetime.fromtimestamp(one.sent, UTC):%H:%M:%S.%f}"[:-3] for one in (failed[0], failed[-1]))
    warnings = [
        f"{event['lastTimestamp']} {event['reason']} of {event['involvedObject']['name']}: {event['message']}"
        for event in api.list("v1", "Event", namespace)
        if event.get("type") == "Warning" and event.get("lastTimestamp")
    ]
    return "\n".join([f"from {first} to {last} UTC, the first: {failed[0]}", *sorted(warnings)[-EVENTS:]])
