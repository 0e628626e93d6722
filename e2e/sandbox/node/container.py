"""How does one container live: started, probed, ended, started again?"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .api import ApiError, Json, timestamp
from .backoff import Backoff
from .environment import MissingReferenceError
from .probing import ContainerProbes
from .process import CreateError, StartError
from .program import UnknownImageError
from .spec import memory_limit
from .status import ContainerView, RestartPolicy, waiting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    import httpx

    from .deadline import Deadline
    from .events import PodEvents
    from .logs import ContainerLog
    from .memory import MemoryWatch
    from .process import Process, Program

KILLED_EXIT_CODE = 137
START_ERROR_EXIT_CODE = 128
_LEAST_TERM_S = 2.0
_PULL_FIRST_S = 1.0
_PULL_LONGEST_S = 30.0
_CREATE_RETRY_S = 2.0
_LONGEST_MESSAGE = 4096

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ContainerContext:
    """What a container needs from its pod and node."""

    program: Callable[[Json], Awaitable[Program]]
    """Builds it from the container's spec; UnknownImageError, MissingReferenceError or CreateError."""
    start: Callable[[Program, Path], Awaitable[Process]]
    """Starts it, with a file for its output; StartError."""
    changed: Callable[[], None]
    log: ContainerLog
    events: PodEvents
    probes: httpx.AsyncClient
    memory: MemoryWatch
    grace_s: float


class Container:
    """One container of a pod and everything that is reported of it."""

    def __init__(self, spec: Json, context: ContainerContext, former: Json | None) -> None:
        """`former` is the containerStatus that an earlier agent reported, if there was one."""
        self.name: str = spec["name"]
        self._spec = spec
        self._context = context
        self._process: Process | None = None
        self._probes: ContainerProbes | None = None
        self._state = waiting("ContainerCreating")
        self._runs, self._last = _inherited(former or {})
        self._container_id: str = (former or {}).get("containerID", "")
        self._ready = self._started = self._out_of_memory = self._stopping = False

    def view(self) -> ContainerView:
        """Give what is to be reported now."""
        return ContainerView(
            name=self.name,
            image=self._spec["image"],
            state=self._state,
            last_state=self._last,
            ready=self._ready,
            started=self._started,
            restarts=max(0, self._runs - 1),
            container_id=self._container_id,
        )

    def wait_for(self, reason: str, message: str = "") -> None:
        """Report why it has not been started yet."""
        self._set_state(waiting(reason, message))

    async def run(self, policy: RestartPolicy, *, init: bool = False) -> int:
        """Run it, again and again as the policy says; the exit code of its last run."""
        backoff = Backoff()
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            code = await self._run_once(init=init)
            if self._stopping or policy == "Never" or (code == 0 and (policy == "OnFailure" or init)):
                return code
            if wait := backoff.wait_s(loop.time() - begun):
                message = f"back-off {wait:g}s restarting failed container={self.name}"
                self._context.events.warning("BackOff", f"Back-off restarting failed container {self.name}")
                self._last = self._state
                self._set_state(waiting("CrashLoopBackOff", message))
                await asyncio.sleep(wait)

    async def stop(self, deadline: Deadline) -> None:
        """End it for good: its preStop hook, SIGTERM, and SIGKILL at the deadline."""
        self._stopping = True
        process, probes = self._process, self._probes
        if process is None or probes is None or not process.running:
            return
        self._context.events.normal("Killing", f"Stopping container {self.name}")
        hook = (self._spec.get("lifecycle") or {}).get("preStop")
        if hook and not await deadline.bound(probes.before_stop(hook, deadline.left)):
            log.info("preStop of %s took its whole grace period", self.name)
            deadline.at_least(_LEAST_TERM_S)
        await process.stop(deadline)

    async def _run_once(self, *, init: bool) -> int:
        begun = timestamp()
        try:
            program = await self._program()
            if self._stopping:
                return KILLED_EXIT_CODE
            output = self._context.log.start(self._runs)
            self._runs += 1
            self._process = process = await self._context.start(program, output)
        except StartError as error:
            self._context.events.warning("Failed", f"Error: failed to start container {self.name}: {error}")
            self._finish(START_ERROR_EXIT_CODE, "StartError", str(error), begun)
            return START_ERROR_EXIT_CODE
        begun = timestamp()
        self._mark_running(process, program, begun, probed=not init)
        code = await self._attend(process, probed=not init)
        reason = "OOMKilled" if self._out_of_memory else "Error" if code else "Completed"
        fallback = self._spec.get("terminationMessagePolicy") == "FallbackToLogsOnError" and code
        message = _written(program) or (self._context.log.tail() if fallback else "")
        self._finish(code, reason, message, begun, done=init)
        return code

    async def _program(self) -> Program:
        pull_wait = _PULL_FIRST_S
        image = self._spec["image"]
        while True:
            try:
                return await self._context.program(self._spec)
            except UnknownImageError as error:
                self._report_waiting("Failed", "ErrImagePull", f'Failed to pull image "{image}": {error}')
                await asyncio.sleep(pull_wait)
                pull_wait = min(_PULL_LONGEST_S, pull_wait * 2)
                message = f'Back-off pulling image "{image}": {error}'
                self._report_waiting("BackOff", "ImagePullBackOff", message)
                await asyncio.sleep(pull_wait)
            except (MissingReferenceError, ApiError) as error:
                self._report_waiting("Failed", "CreateContainerConfigError", str(error))
                await asyncio.sleep(_CREATE_RETRY_S)
            except CreateError as error:
                self._report_waiting("Failed", "CreateContainerError", str(error))
                await asyncio.sleep(_CREATE_RETRY_S)

    def _report_waiting(self, event: str, reason: str, message: str) -> None:
        self._set_state(waiting(reason, message))
        self._context.events.warning(event, message)

    def _mark_running(self, process: Process, program: Program, begun: str, *, probed: bool) -> None:
        if "terminated" in self._state:
            self._last = self._state
        self._out_of_memory = False
        self._container_id = f"process://{process.pid}"
        self._started = not (probed and "startupProbe" in self._spec)
        self._ready = probed and self._started and "readinessProbe" not in self._spec
        self._probes = ContainerProbes(
            spec=self._spec,
            process=process,
            ip=program.network.ip,
            client=self._context.probes,
            events=self._context.events,
            grace_s=self._context.grace_s,
            on_started=self._on_started,
            on_ready=self._on_ready,
        )
        self._set_state({"running": {"startedAt": begun}})
        self._context.events.normal("Started", f"Started container {self.name}")

    async def _attend(self, process: Process, *, probed: bool) -> int:
        if limit := memory_limit(self._spec):
            self._context.memory.add(process.pid, limit, self._on_excess)
        probing = asyncio.create_task(self._probes.run()) if probed and self._probes else None
        try:
            code = await process.wait()
        finally:
            self._context.memory.remove(process.pid)
            if probing is not None:
                probing.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([probing])
        return KILLED_EXIT_CODE if self._out_of_memory else code

    def _finish(self, code: int, reason: str, message: str, begun: str, *, done: bool = False) -> None:
        ended: Json = {
            "exitCode": code,
            "reason": reason,
            "startedAt": begun,
            "finishedAt": timestamp(),
            "containerID": self._container_id,
        }
        self._started = False
        self._ready = done and code == 0
        self._set_state({"terminated": {**ended, "message": message} if message else ended})

    def _on_excess(self) -> None:
        self._out_of_memory = True
        if self._process is not None:
            self._process.kill()

    def _on_started(self) -> None:
        if not self._started:
            self._started = True
            self._on_ready("readinessProbe" not in self._spec)

    def _on_ready(self, ready: bool) -> None:  # noqa: FBT001 a callback with one plain answer
        self._ready = ready
        self._context.changed()

    def _set_state(self, state: Json) -> None:
        self._state = state
        self._context.changed()


def _written(program: Program) -> str:
    """Give its termination message, as much of it as a kubelet takes."""
    if program.message is None:
        return ""
    with contextlib.suppress(OSError), program.message.open("rb") as file:
        return file.read(_LONGEST_MESSAGE).decode(errors="replace")
    return ""


def _inherited(former: Json) -> tuple[int, Json]:
    """Give the number of runs and the last state of a container that an earlier agent ran."""
    state = former.get("state") or {}
    runs = int(former.get("restartCount", 0)) + (1 if former.get("containerID") else 0)
    if "terminated" in state:
        return runs, state
    if "running" in state:
        lost = {"exitCode": KILLED_EXIT_CODE, "reason": "ContainerStatusUnknown", "finishedAt": timestamp()}
        return runs, {"terminated": {**lost, "message": "the node agent was started anew"}}
    return runs, former.get("lastState") or {}
