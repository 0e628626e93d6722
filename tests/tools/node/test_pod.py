from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from e2e.sandbox.images.catalogue import PAUSE, SHELL, Catalogue
from e2e.sandbox.node import agent as agent_module
from e2e.sandbox.node import process
from e2e.sandbox.node.agent import Agent
from e2e.sandbox.node.api import WatchEvent
from e2e.sandbox.node.config import NodeConfig
from e2e.sandbox.node.events import EventRecorder
from e2e.sandbox.node.memory import MemoryWatch
from e2e.sandbox.node.network import Network, NetworkError, PodNetwork
from e2e.sandbox.node.pod import NodeServices, Pod
from e2e.sandbox.node.services import ServiceProxy
from e2e.sandbox.node.starter import Starter
from tests.tools.node.conftest import FakeApi

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class FakeNetwork(Network):
    """Gives every pod the loopback."""

    def __init__(self) -> None:
        self.attached = 0
        self.errors: list[NetworkError] = []

    async def attach(self) -> PodNetwork:
        if self.errors:
            raise self.errors.pop(0)
        self.attached += 1
        return PodNetwork("127.0.0.1", netns="serin-pod-1", link="veth1")

    async def detach(self, network: PodNetwork) -> None:
        del network
        self.attached -= 1


class Bench:
    """A node without namespaces and with a made-up API server."""

    def __init__(self, api: FakeApi, folder: Path) -> None:
        self.api = api
        self.network = FakeNetwork()
        for name in ("logs", "volumes"):
            (folder / name).mkdir()
        key = Path("unused")
        config = NodeConfig(
            *("https://api.test", "t", key, key, key, folder / "logs", folder / "volumes", folder / "cache"),
            *("10.244.0.1", "node-1"),
        )
        self.services = NodeServices(
            config=config,
            api=api,
            network=self.network,
            catalogue=Catalogue(folder / "cache"),
            recorder=EventRecorder(api, "node-1"),
            probes=httpx.AsyncClient(),
            memory=MemoryWatch(),
            starter=Starter(),
            proxy=ServiceProxy(api),
        )

    def status(self) -> dict[str, Any]:
        written = [body["status"] for method, path, body in self.api.calls if path.endswith("/status")]
        return dict(written[-1]) if written else {}

    def state(self, index: int = 0, field: str = "containerStatuses") -> dict[str, Any]:
        statuses = self.status().get(field) or []
        return dict(statuses[index]["state"]) if statuses else {}

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 files and processes signal nothing
                await asyncio.sleep(0.005)

    def deletions(self) -> list[dict[str, Any]]:
        return [body for method, _, body in self.api.calls if method == "DELETE"]


@pytest.fixture
async def bench(api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(process, "command_line", lambda program: list(program.argv))
    monkeypatch.setattr("e2e.sandbox.node.pod._SETUP_RETRY_S", 0.01)
    made = Bench(api, tmp_path)
    yield made
    await made.services.probes.aclose()


def pod(*commands: str, inits: tuple[str, ...] = (), **spec: Any) -> dict[str, Any]:
    def container(name: str, script: str) -> dict[str, Any]:
        return {"name": name, "image": SHELL, "command": ["sh", "-c", script]}

    return {
        "metadata": {"name": "p", "namespace": "n", "uid": "u"},
        "spec": {
            "nodeName": "node-1",
            "initContainers": [container(f"i{number}", script) for number, script in enumerate(inits)],
            "containers": [container(f"c{number}", script) for number, script in enumerate(commands)],
            **spec,
        },
    }


async def test_init_containers_run_one_after_the_other_before_the_others(bench: Bench, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    made = Pod(
        bench.services, pod(f"echo c >> {trace}; sleep 1000", inits=(f"echo a >> {trace}", f"echo b >> {trace}"))
    )
    await bench.until(lambda: "running" in bench.state())
    await bench.until(lambda: trace.read_text() == "a\nb\nc\n")
    assert bench.status()["phase"] == "Running"
    assert bench.status()["podIP"] == "127.0.0.1"
    await made.stop(5)


async def test_it_is_unready_before_its_containers_are_told_to_end(bench: Bench) -> None:
    made = Pod(bench.services, pod('trap "exit 0" TERM; while :; do sleep 0.01; done'))
    await bench.until(lambda: "running" in bench.state())
    await made.stop(5)
    states = [
        (body["status"]["conditions"], body["status"]["containerStatuses"][0]["state"])
        for _, path, body in bench.api.calls
        if path.endswith("/status")
    ]
    unready = [
        state
        for conditions, state in states
        if any(
            entry["type"] == "ContainersReady" and entry.get("message") == "the pod is stopping" for entry in conditions
        )
    ]
    assert "running" in unready[0]
    assert "terminated" in states[-1][1], "the end of the container is reported before the pod is deleted"
    assert bench.deletions() == [{"gracePeriodSeconds": 0, "preconditions": {"uid": "u"}}]
    assert made.stopped
    assert bench.network.attached == 0
    assert not (bench.services.config.volumes_dir / "u").exists()


async def test_an_object_that_is_gone_already_is_not_deleted_again(bench: Bench) -> None:
    made = Pod(bench.services, pod("sleep 1000"))
    await bench.until(lambda: "running" in bench.state())
    await made.stop(None)
    assert bench.deletions() == []
    assert bench.network.attached == 0


async def test_a_second_wish_to_delete_can_only_make_it_quicker(bench: Bench) -> None:
    made = Pod(bench.services, pod('trap "" TERM; while :; do sleep 0.01; done'))
    await bench.until(lambda: "running" in bench.state())
    slow = asyncio.create_task(made.stop(60))
    await asyncio.sleep(0.05)
    await made.stop(0)
    async with asyncio.timeout(5):
        await slow
    assert made.stopped


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"hostNetwork": True}, "hostNetwork is not supported"),
        ({"volumes": [{"name": "v", "persistentVolumeClaim": {}}]}, "persistentVolumeClaim"),
        ({"volumes": [{"name": "v", "configMap": {"name": "no"}}]}, 'configmap "no" not found'),
    ],
)
async def test_what_it_cannot_have_is_said_while_it_waits(bench: Bench, change: dict[str, Any], word: str) -> None:
    made = Pod(bench.services, pod("exit 0", **change))
    await bench.until(lambda: word in bench.state().get("waiting", {}).get("message", ""))
    assert bench.state()["waiting"]["reason"] == "ContainerCreating"
    await made.stop(0)


async def test_a_network_that_fails_is_tried_again(bench: Bench) -> None:
    bench.network.errors = [NetworkError("busy")]
    made = Pod(bench.services, pod("sleep 1000"))
    await bench.until(lambda: "running" in bench.state())
    await made.stop(0)


@pytest.mark.parametrize(
    ("policy", "script", "phase"),
    [("Never", "exit 1", "Failed"), ("Never", "exit 0", "Succeeded"), ("OnFailure", "exit 0", "Succeeded")],
)
async def test_a_pod_that_ends_gives_its_network_back(bench: Bench, policy: str, script: str, phase: str) -> None:
    made = Pod(bench.services, pod(script, restartPolicy=policy))
    await bench.until(lambda: bench.status().get("phase") == phase)
    await bench.until(lambda: bench.network.attached == 0)
    await made.stop(0)


async def test_a_failed_init_container_fails_a_pod_that_is_never_started_again(bench: Bench) -> None:
    made = Pod(bench.services, pod("exit 0", inits=("exit 4",), restartPolicy="Never"))
    await bench.until(lambda: bench.status().get("phase") == "Failed")
    assert bench.status()["message"] == "init container i0 failed with exit code 4"
    assert "waiting" in bench.state()
    await made.stop(0)


async def test_an_unknown_image_is_an_image_that_cannot_be_pulled(bench: Bench) -> None:
    unknown = pod("exit 0")
    unknown["spec"]["containers"][0]["image"] = "nginx:1"
    made = Pod(bench.services, unknown)
    await bench.until(lambda: bench.state().get("waiting", {}).get("reason") == "ErrImagePull")
    assert PAUSE in bench.state()["waiting"]["message"]
    await made.stop(0)


async def test_the_agent_runs_what_it_sees_and_ends_what_is_no_longer_there(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: asyncio.Queue[WatchEvent] = asyncio.Queue()

    async def watch(_path: str) -> AsyncIterator[WatchEvent]:
        while True:
            yield await events.get()

    monkeypatch.setattr(bench.api, "watch", watch)
    agent = Agent(bench.services)
    running = asyncio.create_task(agent.run())
    stray = bench.services.config.volumes_dir / "stray"
    stray.mkdir()
    await events.put(WatchEvent("SYNC", (pod("sleep 1000"),)))
    await bench.until(lambda: "running" in bench.state())
    assert not stray.exists(), "volumes of pods that are gone go, too"
    await events.put(WatchEvent("SYNC", ()))
    await bench.until(lambda: bench.network.attached == 0)
    assert bench.deletions() == []

    unplaced = pod("exit 0")
    del unplaced["spec"]["nodeName"]
    await events.put(WatchEvent("ADDED", (unplaced,)))
    await bench.until(lambda: any(path.endswith("/binding") for _, path, _ in bench.api.calls))

    unknown = pod("exit 0")
    unknown["metadata"] |= {"uid": "other", "deletionTimestamp": "2026-01-01T00:00:00Z"}
    await events.put(WatchEvent("MODIFIED", (unknown,)))
    await bench.until(lambda: len(bench.deletions()) == 1)
    assert bench.network.attached == 0, "a pod that an earlier agent ran is not started to be ended"
    running.cancel()
    await agent.close()


async def test_leftovers_of_an_earlier_agent_are_ended(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    removed: list[str] = []

    async def leftovers() -> dict[str, list[int]]:
        return {"serin-pod-0af4000a": [11, 12]}

    async def remove(netns: str) -> None:
        removed.append(netns)

    monkeypatch.setattr(bench.network, "leftovers", leftovers)
    monkeypatch.setattr(bench.network, "remove", remove)
    monkeypatch.setattr(agent_module, "_kill", killed.append)
    await Agent(bench.services).clean()
    assert (killed, removed) == ([11, 12], ["serin-pod-0af4000a"])
