"""How does a pod live: network, volumes, init containers, containers, and an orderly end?"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from .api import Api, ApiError, Json, timestamp
from .container import Container, ContainerContext
from .deadline import Deadline
from .environment import NamespaceSource
from .events import EventRecorder, PodEvents
from .logs import ContainerLog, pod_folder
from .network import Network, NetworkError, PodNetwork
from .program import Programs
from .publisher import StatusPublisher
from .spec import unsupported
from .status import Conditions, PodView, RestartPolicy, pod_status
from .volumes import PodVolumes, Token, VolumeError

if TYPE_CHECKING:
    import httpx

    from e2e.sandbox.images.catalogue import Catalogue

    from .config import NodeConfig
    from .memory import MemoryWatch
    from .process import Program
    from .services import ServiceProxy
    from .starter import Starter

_SETUP_RETRY_S = 2.0
_DEFAULT_GRACE_S = 30.0
_TELL_UNREADY_S = 2.0
_TELL_END_S = 5.0
_DELETE_RETRY_S = 0.5

log = logging.getLogger(__name__)


async def forget(api: Api, pod: Json) -> None:
    """Let the API server delete a pod that has nothing left on this node; tried until it is gone."""
    meta = pod["metadata"]
    path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
    options = {"gracePeriodSeconds": 0, "preconditions": {"uid": meta["uid"]}}
    while True:
        try:
            await api.delete(path, options)
        except ApiError as error:
            if error.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
                log.warning("pod %s not deleted, will be tried again: %s", path, error)
                await asyncio.sleep(_DELETE_RETRY_S)
                continue
        return


@dataclass(frozen=True, slots=True)
class NodeServices:
    """What the node shares among its pods."""

    config: NodeConfig
    api: Api
    network: Network
    catalogue: Catalogue
    recorder: EventRecorder
    probes: httpx.AsyncClient
    memory: MemoryWatch
    starter: Starter
    proxy: ServiceProxy


class Pod:
    """One pod on this node, from the moment it is seen until the API server has forgotten it."""

    def __init__(self, services: NodeServices, pod: Json) -> None:
        """`pod` is the object as the API server has it; a status in it is that of an earlier agent."""
        meta, spec = pod["metadata"], pod["spec"]
        self.uid: str = meta["uid"]
        self.title = f"{meta['namespace']}/{meta['name']}"
        self._services = services
        self._pod = pod
        self._policy: RestartPolicy = spec.get("restartPolicy", "Always")
        self._network: PodNetwork | None = None
        self._inits_done = not spec.get("initContainers")
        self._failure = ""
        self._deadline: Deadline | None = None
        self._stopped = False
        self._started_at = timestamp()
        self._conditions = Conditions()
        self._events = PodEvents(services.recorder, meta["namespace"], meta["name"], self.uid)
        self._publisher = StatusPublisher(services.api, pod, self._status)
        root = services.config.volumes_dir / self.uid
        self._volumes = PodVolumes(services.api, pod, self._fields(), root)
        self._inits = self._containers("initContainers", "initContainerStatuses")
        self._mains = self._containers("containers", "containerStatuses")
        self._task = asyncio.create_task(self._live(), name=f"pod {self.title}")
        self._publishing = asyncio.create_task(self._publisher.run(), name=f"status {self.title}")
        self._refreshing: list[asyncio.Task[None]] = []

    @property
    def stopped(self) -> bool:
        """Whether nothing of it is left on this node."""
        return self._stopped

    async def stop(self, grace_s: float | None) -> None:
        """End it in order and let the API server forget it; called again, it can only become quicker.

        `grace_s` is None when the object is gone already: then its containers end at once.
        """
        if self._deadline is not None:
            self._deadline.shorten(grace_s or 0)
            return
        self._deadline = Deadline(grace_s or 0)
        self._publisher.changed()
        if grace_s is not None:
            await self._publisher.flush(_TELL_UNREADY_S)  # out of the endpoints before anything ends
        await self._stop_containers(self._deadline)
        await self._publisher.flush(_TELL_END_S if grace_s is not None else 0)
        await self.abandon()
        self._volumes.remove()
        if grace_s is not None:
            await forget(self._services.api, self._pod)
        self._stopped = True

    async def abandon(self) -> None:
        """End its containers at once and take its network away, and tell nobody: the node itself ends."""
        self._deadline = self._deadline or Deadline(0)
        await self._stop_containers(Deadline(0))
        self._publishing.cancel()
        for task in self._refreshing:
            task.cancel()
        await self._leave_network()

    async def _stop_containers(self, deadline: Deadline) -> None:
        await asyncio.gather(*(container.stop(deadline) for container in (*self._inits, *self._mains)))
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([self._task])
        # Whatever was just being started when it was stopped.
        await asyncio.gather(*(container.stop(deadline) for container in (*self._inits, *self._mains)))

    async def _live(self) -> None:
        try:
            if reasons := unsupported(self._pod):
                await self._refuse("; ".join(reasons))
            self._network = await self._set_up_network()
            await self._set_up_volumes()
            self._refreshing = [asyncio.create_task(self._refresh(token)) for token in self._volumes.tokens]
            await self._run_containers()
            if self._deadline is None:
                await self._leave_network()
        except Exception as error:
            log.exception("pod %s: a fault of the node agent", self.title)
            self._wait("CreateContainerError", f"fault of the node agent: {error!r}")

    async def _leave_network(self) -> None:
        if self._network is not None:
            network, self._network = self._network, None
            await self._services.network.detach(network)
            self._publisher.changed()

    async def _run_containers(self) -> None:
        policy: RestartPolicy = "OnFailure" if self._policy == "Always" else self._policy
        for container in self._inits:
            code = await container.run(policy, init=True)
            if self._deadline is not None:
                return
            if code:
                self._failure = f"init container {container.name} failed with exit code {code}"
                self._publisher.changed()
                return
        self._inits_done = True
        await asyncio.gather(*(container.run(self._policy) for container in self._mains))

    async def _refuse(self, message: str) -> None:
        self._wait("ContainerCreating", f"the sandbox's node cannot run this pod: {message}")
        self._events.warning("FailedCreatePodSandBox", f"the sandbox's node cannot run this pod: {message}")
        await asyncio.Event().wait()

    async def _set_up_network(self) -> PodNetwork:
        self._publisher.changed()
        while True:
            try:
                return await self._services.network.attach()
            except NetworkError as error:
                self._events.warning("FailedCreatePodSandBox", str(error))
                await asyncio.sleep(_SETUP_RETRY_S)

    async def _set_up_volumes(self) -> None:
        # Only now: the downward API may ask for the pod's address.
        self._volumes.status = self._fields()
        while True:
            try:
                await self._volumes.prepare()
            except (VolumeError, ApiError) as error:
                self._wait("ContainerCreating", str(error))
                self._events.warning("FailedMount", str(error))
                await asyncio.sleep(_SETUP_RETRY_S)
            else:
                self._wait("PodInitializing" if self._inits else "ContainerCreating")
                return

    async def _refresh(self, token: Token) -> None:
        while True:
            await asyncio.sleep(token.refresh_after_s)
            try:
                await self._volumes.refresh(token)
            except ApiError as error:
                log.warning("token of %s not renewed: %s", self.title, error)

    def _containers(self, field: str, status_field: str) -> list[Container]:
        meta, spec = self._pod["metadata"], self._pod["spec"]
        former = {entry["name"]: entry for entry in (self._pod.get("status") or {}).get(status_field) or []}
        logs = pod_folder(self._services.config.logs_dir, meta["namespace"], meta["name"], self.uid)
        return [
            Container(
                container,
                ContainerContext(
                    program=self._program,
                    start=self._services.starter.start,
                    changed=self._publisher.changed,
                    log=ContainerLog(logs / container["name"]),
                    events=self._events,
                    probes=self._services.probes,
                    memory=self._services.memory,
                    grace_s=spec.get("terminationGracePeriodSeconds") or _DEFAULT_GRACE_S,
                ),
                former.get(container["name"]),
            )
            for container in spec.get(field) or []
        ]

    async def _program(self, container: Json) -> Program:
        if self._network is None:
            raise RuntimeError("a container is started before its pod has a network")
        programs = Programs(
            pod=self._pod,
            fields=self._fields(),
            source=NamespaceSource(self._services.api, self._pod["metadata"]["namespace"]),
            catalogue=self._services.catalogue,
            network=self._network,
            volumes=self._volumes,
            names=self._services.proxy.names(self._pod["metadata"]["namespace"]),
        )
        return await programs.of(container)

    def _fields(self) -> dict[str, str]:
        ip, host_ip = self._network.ip if self._network else "", self._services.config.host_ip
        return {"status.podIP": ip, "status.podIPs": ip, "status.hostIP": host_ip, "status.hostIPs": host_ip}

    def _wait(self, reason: str, message: str = "") -> None:
        for container in (*self._inits, *self._mains):
            container.wait_for(reason, message)

    def _status(self) -> Json:
        view = PodView(
            inits=[container.view() for container in self._inits],
            mains=[container.view() for container in self._mains],
            network_ready=self._network is not None,
            inits_done=self._inits_done,
            stopping=self._deadline is not None,
            failure=self._failure,
            policy=self._policy,
            ip=self._network.ip if self._network else "",
            host_ip=self._services.config.host_ip,
            start_time=self._started_at,
        )
        return pod_status(view, self._conditions)
