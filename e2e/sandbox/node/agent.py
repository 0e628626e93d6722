"""Which pods have to run here now, and which no longer?"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
from typing import TYPE_CHECKING, Any

from .api import ApiError, Json, WatchEvent
from .binding import Binder, waits_for_node
from .logs import prune
from .pod import NodeServices, Pod, forget

if TYPE_CHECKING:
    from collections.abc import Coroutine

_PODS = "/api/v1/pods"
_BIND_RETRY_S = 0.5

log = logging.getLogger(__name__)


class Agent:
    """Keeps the processes on this machine equal to the pods the API server holds for this node."""

    def __init__(self, services: NodeServices) -> None:
        self._services = services
        self._binder = Binder(services.api, services.recorder, services.config.node_name)
        self._pods: dict[str, Pod] = {}
        self._binding: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def clean(self) -> None:
        """End what an agent before this one left running; its pods are started anew by `run`."""
        for netns, pids in (await self._services.network.leftovers()).items():
            for pid in pids:
                _kill(pid)
            await self._services.network.remove(netns)

    async def run(self) -> None:
        """Follow the API server until cancelled."""
        async for event in self._services.api.watch(_PODS):
            if event.kind == "SYNC":
                self._sync(event)
            for pod in event.objects:
                self._see(pod, gone=event.kind == "DELETED")

    async def close(self) -> None:
        """End all containers at once; the objects in the API server stay as they are."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(pod.abandon() for pod in self._pods.values()), return_exceptions=True)

    def _sync(self, event: WatchEvent) -> None:
        present = {pod["metadata"]["uid"] for pod in event.objects}
        for uid, pod in self._pods.items():
            if uid not in present:
                self._spawn(self._end(pod, None))
        root = self._services.config.volumes_dir
        for folder in root.iterdir():
            if folder.name not in present and folder.name not in self._pods:
                shutil.rmtree(folder, ignore_errors=True)
        prune(self._services.config.logs_dir)

    def _see(self, pod: Json, *, gone: bool) -> None:
        meta, uid = pod["metadata"], pod["metadata"]["uid"]
        running = self._pods.get(uid)
        if gone:
            if running is not None:
                self._spawn(self._end(running, None))
        elif waits_for_node(pod):
            if uid not in self._binding:
                self._binding.add(uid)
                self._spawn(self._bind(pod))
        elif pod["spec"].get("nodeName") != self._services.config.node_name:
            return
        elif "deletionTimestamp" in meta:
            grace_s = meta.get("deletionGracePeriodSeconds", 0)
            self._spawn(self._end(running, grace_s) if running else forget(self._services.api, pod))
        elif running is None and not _finished(pod):
            self._pods[uid] = Pod(self._services, pod)

    async def _end(self, pod: Pod, grace_s: float | None) -> None:
        await pod.stop(grace_s)
        if pod.stopped:
            self._pods.pop(pod.uid, None)

    async def _bind(self, pod: Json) -> None:
        uid = pod["metadata"]["uid"]
        try:
            await self._binder.bind(pod)
        except ApiError as error:
            log.warning("pod %s not bound, will be tried again: %s", pod["metadata"]["name"], error)
            await asyncio.sleep(_BIND_RETRY_S)
            self._spawn(self._bind(pod))
        else:
            self._binding.discard(uid)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a task failed: a fault of the node agent", exc_info=error)


def _finished(pod: Json) -> bool:
    return (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
