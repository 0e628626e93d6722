from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from e2e.sandbox.node import backoff, process
from e2e.sandbox.node import container as module
from e2e.sandbox.node.container import Container, ContainerContext
from e2e.sandbox.node.deadline import Deadline
from e2e.sandbox.node.environment import MissingReferenceError
from e2e.sandbox.node.events import EventRecorder, PodEvents
from e2e.sandbox.node.logs import ContainerLog
from e2e.sandbox.node.memory import MemoryWatch
from e2e.sandbox.node.network import PodNetwork
from e2e.sandbox.node.process import CreateError, Program
from e2e.sandbox.node.program import UnknownImageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.tools.node.conftest import FakeApi

NETWORK = PodNetwork("127.0.0.1", netns="serin-pod-1", link="veth1")


class Bench:
    """Runs containers as plain processes and remembers every state they report."""

    def __init__(self, api: FakeApi, folder: Path) -> None:
        self.states: list[dict[str, Any]] = []
        self.memory = MemoryWatch()
        self.refusals: list[Exception] = []
        self.message: Path | None = None
        self._folder = folder
        self._recorder = EventRecorder(api, "node-1")
        self._client = httpx.AsyncClient()
        self.container: Container | None = None

    def make(self, script: str, former: dict[str, Any] | None = None, **spec: Any) -> Container:
        self.container = Container(
            {"name": "c", "image": "i", "script": script, **spec},
            ContainerContext(
                program=self._program,
                start=process.start_program,
                changed=self._changed,
                log=ContainerLog(self._folder / "c"),
                events=PodEvents(self._recorder, "n", "p", "u"),
                probes=self._client,
                memory=self.memory,
                grace_s=5,
            ),
            former,
        )
        return self.container

    def reasons(self) -> list[str]:
        found: list[str] = []
        for state in self.states:
            (kind, content), *_ = state.items()
            reason = content.get("reason", kind)
            if not found or found[-1] != reason:
                found.append(reason)
        return found

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 files and processes signal nothing
                await asyncio.sleep(0.005)

    async def close(self) -> None:
        await self._client.aclose()

    async def _program(self, spec: dict[str, Any]) -> Program:
        if self.refusals:
            raise self.refusals.pop(0)
        argv = ("sh", "-c", spec["script"])
        return Program(argv, {"PATH": os.environ["PATH"]}, "/", (), NETWORK, message=self.message)

    def _changed(self) -> None:
        if self.container is not None:
            self.states.append(self.container.view().state)


@pytest.fixture
async def bench(api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(process, "command_line", lambda program: list(program.argv))
    monkeypatch.setattr(backoff, "FIRST_S", 0.01)
    for name in ("_PULL_FIRST_S", "_PULL_LONGEST_S", "_CREATE_RETRY_S"):
        monkeypatch.setattr(module, name, 0.01)
    made = Bench(api, tmp_path)
    yield made
    await made.close()


async def test_an_init_container_that_succeeds_runs_once(bench: Bench) -> None:
    container = bench.make("exit 0")
    assert await container.run("OnFailure", init=True) == 0
    view = container.view()
    assert (view.ready, view.restarts, view.state["terminated"]["reason"]) == (True, 0, "Completed")
    assert bench.reasons() == ["running", "Completed"]


async def test_a_failure_is_told_with_the_end_of_its_output(bench: Bench) -> None:
    container = bench.make("echo the cause; exit 3", terminationMessagePolicy="FallbackToLogsOnError")
    assert await container.run("Never") == 3
    ended = container.view().state["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["message"]) == (3, "Error", "the cause")


@pytest.mark.parametrize(("written", "told"), [("ok", "ok"), ("x" * 5000, "x" * 4096), ("", None)])
async def test_what_it_wrote_as_its_message_is_told(
    bench: Bench, tmp_path: Path, written: str, told: str | None
) -> None:
    bench.message = tmp_path / "message"
    bench.message.write_text(written)
    await bench.make("exit 0").run("Never")
    assert bench.states[-1]["terminated"].get("message") == told


async def test_without_that_policy_there_is_no_message(bench: Bench) -> None:
    container = bench.make("echo the cause; exit 3")
    await container.run("Never")
    assert "message" not in container.view().state["terminated"]


async def test_a_crash_loop_waits_and_counts(bench: Bench) -> None:
    container = bench.make("exit 1")
    running = asyncio.create_task(container.run("Always"))
    await bench.until(lambda: container.view().restarts >= 3)
    await container.stop(Deadline(0))
    running.cancel()
    await asyncio.wait([running])
    assert bench.reasons()[:5] == ["running", "Error", "running", "Error", "CrashLoopBackOff"]
    assert container.view().last_state["terminated"]["exitCode"] == 1


async def test_too_much_memory_is_reported_as_such(bench: Bench) -> None:
    container = bench.make("sleep 1000", resources={"limits": {"memory": "1Ki"}})
    running = asyncio.create_task(container.run("Never"))
    watching = asyncio.create_task(bench.memory.run())
    async with asyncio.timeout(5):
        assert await running == 137
    watching.cancel()
    await asyncio.wait([watching])
    ended = container.view().state["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")


@pytest.mark.parametrize(
    ("refusals", "reasons"),
    [
        ([UnknownImageError("no"), UnknownImageError("no")], ["ErrImagePull", "ImagePullBackOff", "ErrImagePull"]),
        ([MissingReferenceError("no")], ["CreateContainerConfigError"]),
        ([CreateError("no")], ["CreateContainerError"]),
    ],
)
async def test_what_keeps_it_from_starting_is_told_until_it_is_mended(
    bench: Bench, refusals: list[Exception], reasons: list[str]
) -> None:
    container = bench.make("exit 0")
    bench.refusals = list(refusals)
    assert await container.run("Never") == 0
    found = bench.reasons()
    assert found[: len(reasons)] == reasons
    assert found[-2:] == ["running", "Completed"]
    assert container.view().restarts == 0


async def test_readiness_follows_the_probe(bench: Bench) -> None:
    listening = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    probe = {"tcpSocket": {"port": port}, "periodSeconds": 0.01, "failureThreshold": 1}
    container = bench.make("sleep 1000", readinessProbe=probe)
    running = asyncio.create_task(container.run("Always"))
    await bench.until(lambda: container.view().ready)
    listening.close()
    await listening.wait_closed()
    await bench.until(lambda: not container.view().ready)
    assert "running" in container.view().state
    await container.stop(Deadline(5))
    assert await running == 143


async def test_liveness_restarts_it(bench: Bench) -> None:
    probe = {"tcpSocket": {"port": 1}, "periodSeconds": 0.01, "failureThreshold": 2}
    container = bench.make("sleep 1000", livenessProbe=probe)
    running = asyncio.create_task(container.run("Always"))
    await bench.until(lambda: container.view().restarts >= 1)
    await container.stop(Deadline(0))
    running.cancel()
    await asyncio.wait([running])


async def test_it_is_not_started_before_its_startup_probe_says_so(bench: Bench) -> None:
    probe = {"tcpSocket": {"port": 1}, "periodSeconds": 60}
    container = bench.make("sleep 1000", startupProbe=probe)
    running = asyncio.create_task(container.run("Always"))
    await bench.until(lambda: "running" in container.view().state)
    assert (container.view().started, container.view().ready) == (False, False)
    await container.stop(Deadline(0))
    await running


async def test_stopped_for_good_it_is_not_started_again(bench: Bench) -> None:
    container = bench.make("sleep 1000")
    running = asyncio.create_task(container.run("Always"))
    await bench.until(lambda: "running" in container.view().state)
    await container.stop(Deadline(5))
    async with asyncio.timeout(5):
        assert await running == 143
    assert container.view().restarts == 0


async def test_a_pre_stop_hook_comes_before_the_signal(bench: Bench, tmp_path: Path) -> None:
    container = bench.make("sleep 1000", lifecycle={"preStop": {"sleep": {"seconds": 60}}})
    running = asyncio.create_task(container.run("Always"))
    await bench.until(lambda: "running" in container.view().state)
    deadline = Deadline(60)
    stopping = asyncio.create_task(container.stop(deadline))
    await asyncio.sleep(0.05)
    assert not running.done()
    deadline.shorten(0)
    await stopping
    assert await running == 143
    assert (tmp_path / "c/0.log").exists()


@pytest.mark.parametrize(
    ("former", "restarts", "last"),
    [
        ({"containerID": "process://1", "restartCount": 2, "state": {"running": {}}}, 3, "ContainerStatusUnknown"),
        ({"containerID": "", "restartCount": 0, "state": {"waiting": {}}}, 0, None),
    ],
)
async def test_a_new_agent_goes_on_counting(
    bench: Bench, former: dict[str, Any], restarts: int, last: str | None
) -> None:
    container = bench.make("exit 0", former)
    await container.run("Never")
    view = container.view()
    assert view.restarts == restarts
    assert view.last_state.get("terminated", {}).get("reason") == last
