"""Which pods does the node take for itself? All that a scheduler would place: the sandbox runs none."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from .api import STRATEGIC, Api, ApiError, Json, timestamp
from .events import PodEvents
from .registration import labels, resources
from .spec import unschedulable

if TYPE_CHECKING:
    from .events import EventRecorder

log = logging.getLogger(__name__)


def waits_for_node(pod: Json) -> bool:
    """Whether a default scheduler would place this pod now."""
    spec = pod["spec"]
    return (
        not spec.get("nodeName")
        and spec.get("schedulerName", "default-scheduler") == "default-scheduler"
        and not spec.get("schedulingGates")
        and "deletionTimestamp" not in pod["metadata"]
    )


class Binder:
    """Stands in for the scheduler: every pod that fits at all goes to the one node."""

    def __init__(self, api: Api, recorder: EventRecorder, node_name: str) -> None:
        self._api = api
        self._recorder = recorder
        self._node_name = node_name
        self._refused: set[str] = set()

    async def bind(self, pod: Json) -> None:
        """Bind one pod to the node, or report why it fits nowhere; ApiError if neither could be written."""
        meta = pod["metadata"]
        events = PodEvents(self._recorder, meta["namespace"], meta["name"], meta["uid"])
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        if reason := unschedulable(pod, labels(self._node_name), resources()):
            if meta["uid"] not in self._refused:
                self._refused.add(meta["uid"])
                events.warning("FailedScheduling", reason)
                await self._api.patch(f"{path}/status", {"status": _unscheduled(reason)}, STRATEGIC)
            return
        target = {"apiVersion": "v1", "kind": "Node", "name": self._node_name}
        metadata = {"name": meta["name"]}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": metadata, "target": target}
        try:
            await self._api.post(f"{path}/binding", binding)
        except ApiError as error:
            # Gone, or bound already: an older answer of the watch brought us here.
            if error.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
                raise
        else:
            title = f"{meta['namespace']}/{meta['name']}"
            events.normal("Scheduled", f"Successfully assigned {title} to {self._node_name}")


def _unscheduled(reason: str) -> Json:
    return {
        "conditions": [
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": reason,
                "lastTransitionTime": timestamp(),
            }
        ]
    }
