"""How does a pod's status reach the API server: only when it changed, in order, and in the end surely?"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from .api import STRATEGIC, Api, ApiError, Json

if TYPE_CHECKING:
    from collections.abc import Callable

_RETRY_FIRST_S = 0.1
_RETRY_LONGEST_S = 5.0

log = logging.getLogger(__name__)


class StatusPublisher:
    """Writes one pod's status in the background; a write that fails is tried again, for ever."""

    def __init__(self, api: Api, pod: Json, render: Callable[[], Json]) -> None:
        """`render` gives the status as it is at that moment."""
        meta = pod["metadata"]
        self._api = api
        self._path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        self._uid = meta["uid"]
        self._render = render
        self._dirty = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._gone = False
        self._written: Json | None = None

    def changed(self) -> None:
        """Note that the status may have changed."""
        if self._gone:
            return
        self._dirty.set()
        self._idle.clear()

    async def flush(self, timeout_s: float) -> bool:
        """Wait until all that was noted is written; False if that took too long."""
        try:
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Write until cancelled, or until the pod is no longer there."""
        retry = _RETRY_FIRST_S
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            status = self._render()
            try:
                if status != self._written:
                    await self._write(status)
                    self._written = status
            except ApiError as error:
                if await self._is_gone(error):
                    self._gone = True
                    self._idle.set()
                    return
                log.warning("status of %s not written, will be tried again: %s", self._path, error)
                self._dirty.set()
                await asyncio.sleep(retry)
                retry = min(_RETRY_LONGEST_S, retry * 2)
                continue
            retry = _RETRY_FIRST_S
            if not self._dirty.is_set():
                self._idle.set()

    async def _write(self, status: Json) -> None:
        # The uid makes the server refuse (409) to write into another pod that has the same name by now.
        body = {"metadata": {"uid": self._uid}, "status": status}
        await self._api.patch(f"{self._path}/status", body, STRATEGIC)

    async def _is_gone(self, error: ApiError) -> bool:
        if error.status == HTTPStatus.NOT_FOUND:
            return True
        if error.status != HTTPStatus.CONFLICT:
            return False
        try:
            return bool((await self._api.get(self._path))["metadata"]["uid"] != self._uid)
        except ApiError as reading:
            return reading.status == HTTPStatus.NOT_FOUND
