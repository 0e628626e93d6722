"""How do pods reach a Service of KServe's? By a listener on its ClusterIP, and its names in their /etc/hosts.

It stands for kube-proxy and cluster DNS where one component of an InferenceService calls another (a transformer its
predictor), and for nothing else: any other ClusterIP refuses connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .api import Api, Json, WatchEvent

_OF_KSERVE = "serving.kserve.io/inferenceservice"
_SERVICES = "/api/v1/services"
_SLICES = "/apis/discovery.k8s.io/v1/endpointslices"
_OF_SERVICE = "kubernetes.io/service-name"
_CHUNK = 64 * 1024

Key: TypeAlias = tuple[str, str]
Address: TypeAlias = tuple[str, int]

log = logging.getLogger(__name__)


class ServiceProxy:
    """Forwards connections to a ClusterIP to the ready endpoints of its Service, one after the other."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._addresses: dict[Key, str] = {}
        self._listeners: dict[Key, list[asyncio.Server]] = {}
        self._slices: dict[Key, dict[str, list[Address]]] = {}
        self._turn = itertools.count()

    def names(self, namespace: str) -> list[str]:
        """The lines of /etc/hosts for the Services of a namespace."""
        return [
            f"{ip} {name}.{space} {name}.{space}.svc {name}.{space}.svc.cluster.local {name}"
            for (space, name), ip in sorted(self._addresses.items())
            if space == namespace
        ]

    def endpoints(self, key: Key) -> list[Address]:
        """The ready endpoints of a Service."""
        return [address for piece in self._slices.get(key, {}).values() for address in piece]

    async def run(self) -> None:
        """Follow Services and EndpointSlices until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_services())
            group.create_task(self._follow_slices())

    async def _follow_services(self) -> None:
        async for event in self._api.watch(_SERVICES, _OF_KSERVE):
            if event.kind == "SYNC":
                present = {_key(service) for service in event.objects}
                for key in self._addresses.keys() - present:
                    self._forget(key)
            for service in event.objects:
                if event.kind == "DELETED":
                    self._forget(_key(service))
                else:
                    await self._listen(service)

    async def _follow_slices(self) -> None:
        async for event in self._api.watch(_SLICES, _OF_KSERVE):
            self.see_slices(event)

    def see_slices(self, event: WatchEvent) -> None:
        """Note which endpoints are ready."""
        if event.kind == "SYNC":
            self._slices.clear()
        for piece in event.objects:
            meta = piece["metadata"]
            key = (meta["namespace"], meta["labels"][_OF_SERVICE])
            ready = [] if event.kind == "DELETED" else list(_ready(piece))
            self._slices.setdefault(key, {})[meta["name"]] = ready

    async def _listen(self, service: Json) -> None:
        key, ip = _key(service), service["spec"].get("clusterIP", "None")
        if key in self._addresses or ip in {"None", ""}:
            return
        self._addresses[key] = ip
        for port in service["spec"].get("ports") or []:
            try:
                listener = await asyncio.start_server(partial(self.forward, key), ip, port["port"])
            except OSError as error:
                log.warning("no listener for Service %s/%s on %s: %s", *key, ip, error)
            else:
                self._listeners.setdefault(key, []).append(listener)

    def _forget(self, key: Key) -> None:
        self._addresses.pop(key, None)
        for listener in self._listeners.pop(key, []):
            listener.close()

    async def forward(self, key: Key, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection; without a ready endpoint it ends at once."""
        found = self.endpoints(key)
        try:
            if found:
                onward, back = await asyncio.open_connection(*found[next(self._turn) % len(found)])
                await asyncio.gather(_copy(reader, back), _copy(onward, writer))
        except OSError as error:
            log.debug("a connection to Service %s/%s broke: %s", *key, error)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copy until the end of the source, and tell the target that it is the end."""
    try:
        while data := await source.read(_CHUNK):
            target.write(data)
            await target.drain()
    finally:
        target.close()
        with contextlib.suppress(OSError):
            await target.wait_closed()


def _key(obj: Json) -> Key:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _ready(piece: Json) -> Iterable[Address]:
    ports = piece.get("ports") or []
    for endpoint in piece.get("endpoints") or []:
        if endpoint.get("conditions", {}).get("ready", True) and ports:
            yield endpoint["addresses"][0], ports[0]["port"]
