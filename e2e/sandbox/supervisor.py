"""The first process inside the namespaces: starts all parts, answers the control socket, takes all down again.

Run by :mod:`e2e.sandbox.sandbox` as ``python -m e2e.sandbox.supervisor PLAN``, in the state folder.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from e2e.sandbox import (
    control,
    controlplane,
    gateway,
    kubeconfig,
    monitoring,
    namespace,
    pki,
    relay,
    released,
    serving,
)
from e2e.sandbox.bringup import bring_up
from e2e.sandbox.cluster import Cluster
from e2e.sandbox.envoygateway import released as envoy_gateway_released
from e2e.sandbox.envoygateway import services as envoy_gateway
from e2e.sandbox.errors import PartError, SandboxError
from e2e.sandbox.inside import Inside
from e2e.sandbox.knative import released as knative_released
from e2e.sandbox.knative import services as knative
from e2e.sandbox.knative.ingress import NET_GATEWAY_API
from e2e.sandbox.kourier import services as kourier
from e2e.sandbox.kourier.workloads import KOURIER
from e2e.sandbox.layout import API_URL, RELAYED, Layout
from e2e.sandbox.plan import Plan, Profile
from e2e.sandbox.reaper import Reaper
from e2e.sandbox.service import Part, Service, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

DOWN_SECONDS = 1.5
INGRESSES = {Profile.KNATIVE: NET_GATEWAY_API, Profile.KOURIER: KOURIER}
"""What brings requests to Knative's revisions, by profiles with Knative."""
log = logging.getLogger("supervisor")


class Supervisor:
    """All parts of one sandbox and what is known about them."""

    def __init__(self, items: Sequence[Service | Step], inside: Inside, *, started: float) -> None:
        def part(item: Service) -> Part:
            layout = inside.layout
            return Part(item, log=layout.log(item.name), cwd=layout.root, reaper=inside.reaper)

        self._items = [part(item) if isinstance(item, Service) else item for item in items]
        self._parts = {item.service.name: item for item in self._items if isinstance(item, Part)}
        self._started = started
        self._phase = "starting"
        self._message = ""
        self._seconds: dict[str, float] = {}

    async def up(self) -> None:
        """Bring all parts up; a failure is kept for whoever asks."""
        try:
            await bring_up(self._items, on_ready=self._mark)
        except SandboxError as error:
            self._phase, self._message = "failed", str(error)
            log.error("%s", error)  # noqa: TRY400 - it is a sentence, and says all there is to say
        else:
            self._phase = "ready"
            log.info("ready after %.1f s", time.monotonic() - self._started)

    async def down(self) -> None:
        """End all parts at once."""
        self._phase = "stopping"
        await asyncio.gather(*(part.stop(grace_seconds=DOWN_SECONDS) for part in self._parts.values()))

    async def handle(self, command: str, name: str) -> dict[str, Any]:
        """Answer one command of the control socket."""
        match command:
            case "status":
                return {
                    "phase": self._phase,
                    "message": self._message,
                    "parts": [part.describe() for part in self._parts.values()],
                    "seconds": self._seconds,
                }
            case "stop":
                await self._part(name).stop()
                return {}
            case "start":
                await self._part(name).start()
                return {}
            case _:
                raise SandboxError(f"The sandbox does not know the command {command!r}.")

    def _part(self, name: str) -> Part:
        try:
            return self._parts[name]
        except KeyError:
            raise PartError(f"There is no part {name!r}; there are: {', '.join(self._parts)}.") from None

    def _mark(self, name: str) -> None:
        self._seconds[name] = round(time.monotonic() - self._started, 2)
        log.info("%6.2f s %s", self._seconds[name], name)


def declared(inside: Inside, profile: Profile) -> list[Service | Step]:
    """All parts of a sandbox of this profile."""
    if profile is Profile.APISERVER:
        return controlplane.storage_and_server(inside)
    entrance = gateway if inside.envoy_gateway is None else envoy_gateway
    return [
        item
        for room in (controlplane, serving, entrance, monitoring, knative, kourier)
        for item in room.services(inside)
    ]


async def run(plan: Plan, layout: Layout, started: float) -> None:
    """Be the sandbox until SIGTERM."""
    asked_to_end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_end.set)
    end_if_orphaned(plan.lifeline, asked_to_end)
    reaper = Reaper()
    reaper.watch()
    keys = _credentials(plan, layout)
    doors = {name: ("127.0.0.1", port) for name, port in RELAYED.items()}
    for name, handle in plan.listeners.items():
        await relay.serve(socket.socket(fileno=handle), partial(doors.__getitem__, name))
    extra, profile = Path(plan.extra), Profile(plan.profile)
    ingress = INGRESSES.get(profile, NET_GATEWAY_API)
    async with (
        Cluster(ca=keys.ca, token=keys.admin_token) as cluster,
        httpx.AsyncClient(timeout=2, trust_env=False) as probe,
    ):
        inside = Inside(
            layout=layout,
            pki=keys,
            binaries={name: Path(path) for name, path in plan.binaries.items()},
            python=sys.executable,
            repository=Path(plan.repository),
            models=Path(plan.models),
            cluster=cluster,
            released=released.load(Path(plan.manifests)),
            reaper=reaper,
            probe=probe,
            doors=doors,
            knative=knative_released.load(extra, ingress.settings) if profile in INGRESSES else None,
            ingress=ingress,
            envoy_gateway=envoy_gateway_released.load(extra) if profile is Profile.ENVOY_GATEWAY else None,
        )
        supervisor = Supervisor(declared(inside, profile), inside, started=started)
        await control.listen(layout.control.name, supervisor.handle)
        await _live(supervisor, asked_to_end)


def _credentials(plan: Plan, layout: Layout) -> pki.Pki:
    keys = pki.create(layout)
    outer_url = f"https://127.0.0.1:{plan.ports['api']}"
    for path, url in ((layout.inner_kubeconfig, API_URL), (layout.kubeconfig, outer_url)):
        kubeconfig.write(path, server=url, ca=keys.ca, user="admin", token=keys.admin_token)
    return keys


async def _live(supervisor: Supervisor, asked_to_end: asyncio.Event) -> None:
    """Bring all up, wait for the end, take all down. Whatever is not a SandboxError is raised in the end."""

    def end_if_broken(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            asked_to_end.set()

    coming_up = asyncio.create_task(supervisor.up())
    coming_up.add_done_callback(end_if_broken)
    await asked_to_end.wait()
    coming_up.cancel()
    try:
        with suppress(asyncio.CancelledError):
            await coming_up
    finally:
        await supervisor.down()


def end_if_orphaned(lifeline: int, asked_to_end: asyncio.Event) -> None:
    """End if whoever started us dies before everything is up: nobody would know of us."""

    def read() -> None:
        asyncio.get_running_loop().remove_reader(lifeline)
        if not os.read(lifeline, 1):
            log.error("Whoever started this sandbox is gone; it ends.")
            asked_to_end.set()
        os.close(lifeline)

    asyncio.get_running_loop().add_reader(lifeline, read)


def main() -> int:
    """Prepare the namespaces and run; the exit code tells the launcher nothing, the log does."""
    started = time.monotonic()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    plan = Plan(**json.loads(Path(sys.argv[1]).read_text("utf-8")))
    layout = Layout(Path.cwd())
    namespace.prepare([layout.root, *plan.paths(), Path(sys.prefix), Path(sys.base_prefix)])
    asyncio.run(run(plan, layout, started))
    return 0


if __name__ == "__main__":
    sys.exit(main())
