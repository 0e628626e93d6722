"""What do a running container's three probes mean for it: started, ready, or to be killed?"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .deadline import Deadline
from .probe import Checks, OnChange, Prober, ProbeResult, ProbeTiming
from .spec import named_ports

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from .api import Json
    from .events import PodEvents
    from .process import Process

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ContainerProbes:
    """The probes of one run of a container; its callbacks tell the container what they found."""

    spec: Json
    process: Process
    ip: str
    client: httpx.AsyncClient
    events: PodEvents
    grace_s: float
    on_started: Callable[[], None]
    on_ready: Callable[[bool], None]

    async def run(self) -> None:
        """Probe until cancelled: first the startup probe, then readiness and liveness side by side."""
        checks = Checks(self.client, self.ip, named_ports(self.spec))
        try:
            if "startupProbe" in self.spec:
                await self._until_started(checks)
            self.on_started()
            async with asyncio.TaskGroup() as group:
                if "readinessProbe" in self.spec:
                    group.create_task(self._probe("readiness", checks, self._readiness))
                if "livenessProbe" in self.spec:
                    group.create_task(self._probe("liveness", checks, self._killer("liveness")))
        except Exception:
            log.exception("the probes of %s end: a fault of the node agent", self.spec["name"])
            raise

    async def before_stop(self, hook: Json, seconds: float) -> None:
        """Run a preStop hook, which may take that long; its failure is told and changes nothing."""
        if "sleep" in hook:
            await asyncio.sleep(hook["sleep"]["seconds"])
            return
        checks = Checks(self.client, self.ip, named_ports(self.spec))
        result = await checks.of(hook, self.process, seconds)()
        if not result.ok:
            self.events.warning("FailedPreStopHook", f"PreStopHook failed: {result.reason}")

    async def _until_started(self, checks: Checks) -> None:
        started = asyncio.Event()
        kill = self._killer("startup")

        async def on_change(result: ProbeResult) -> None:
            if result.ok:
                started.set()
            else:
                await kill(result)

        probing = asyncio.create_task(self._probe("startup", checks, on_change))
        try:
            await started.wait()
        finally:
            probing.cancel()

    async def _probe(self, kind: str, checks: Checks, on_change: OnChange) -> None:
        spec = self.spec[f"{kind}Probe"]
        timing = ProbeTiming.of(spec)
        prober = Prober(timing, checks.of(spec, self.process, timing.timeout), eager=kind != "liveness")
        label = kind.capitalize()
        await prober.run(on_change, lambda reason: self.events.warning("Unhealthy", f"{label} probe failed: {reason}"))

    async def _readiness(self, result: ProbeResult) -> None:
        self.on_ready(result.ok)

    def _killer(self, kind: str) -> OnChange:
        async def kill(result: ProbeResult) -> None:
            if not result.ok:
                name = self.spec["name"]
                self.events.normal("Killing", f"Container {name} failed {kind} probe, will be restarted")
                await self.process.stop(Deadline(self.grace_s))

        return kill
