"""How do people learn from `kubectl describe` what the node did with a pod?"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias
from uuid import uuid4

from .api import MERGE, Api, ApiError, Json, timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_WAITING = 1000
_MAX_REMEMBERED = 2000

EventType: TypeAlias = Literal["Normal", "Warning"]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PodEvent:
    """Something that happened to a pod, in the words a kubelet uses."""

    namespace: str
    pod: str
    uid: str
    type: EventType
    reason: str
    message: str


class EventRecorder:
    """Writes Events in the background; the same one again only raises its count. Losing one harms nothing."""

    def __init__(self, api: Api, node_name: str) -> None:
        self._api = api
        self._node_name = node_name
        self._waiting: asyncio.Queue[PodEvent] = asyncio.Queue(_MAX_WAITING)
        self._written: dict[PodEvent, tuple[str, int]] = {}

    def emit(self, event: PodEvent) -> None:
        """Take an event to be written; dropped if too many wait."""
        try:
            self._waiting.put_nowait(event)
        except asyncio.QueueFull:
            log.warning("event dropped: %s", event)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            event = await self._waiting.get()
            try:
                await self._write(event)
            except ApiError as error:
                self._written.pop(event, None)
                log.warning("%s of %s/%s not written: %s", event.reason, event.namespace, event.pod, error)

    async def _write(self, event: PodEvent) -> None:
        path = f"/api/v1/namespaces/{event.namespace}/events"
        known = self._written.get(event)
        if known is not None:
            name, count = known
            self._written[event] = (name, count + 1)
            await self._api.patch(f"{path}/{name}", {"count": count + 1, "lastTimestamp": timestamp()}, MERGE)
            return
        name = f"{event.pod}.{uuid4().hex[:16]}"
        await self._api.post(path, _body(event, name, self._node_name))
        if len(self._written) >= _MAX_REMEMBERED:
            self._written.pop(next(iter(self._written)))
        self._written[event] = (name, 1)


@dataclass(frozen=True, slots=True)
class PodEvents:
    """The recorder as one pod sees it."""

    recorder: EventRecorder
    namespace: str
    pod: str
    uid: str

    def normal(self, reason: str, message: str) -> None:
        """Tell of something as it should be."""
        self._emit("Normal", reason, message)

    def warning(self, reason: str, message: str) -> None:
        """Tell of something that went wrong."""
        self._emit("Warning", reason, message)

    def _emit(self, kind: EventType, reason: str, message: str) -> None:
        text = message[:1000]
        self.recorder.emit(PodEvent(self.namespace, self.pod, self.uid, kind, reason, text))


def _body(event: PodEvent, name: str, node: str) -> Json:
    moment = timestamp()
    involved: Mapping[str, str] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "namespace": event.namespace,
        "name": event.pod,
        "uid": event.uid,
    }
    return {
        "metadata": {"name": name, "namespace": event.namespace},
        "involvedObject": involved,
        "type": event.type,
        "reason": event.reason,
        "message": event.message,
        "source": {"component": "kubelet", "host": node},
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
    }
