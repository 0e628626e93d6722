from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.sandbox.node import process as process_module
from e2e.sandbox.node.deadline import Deadline
from e2e.sandbox.node.network import PodNetwork
from e2e.sandbox.node.process import Program
from e2e.sandbox.node.starter import Starter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NETWORK = PodNetwork("127.0.0.1", netns="serin-pod-1", link="veth1")
# The real fork server, but for the imports and the namespaces, which a test has neither the time nor the right for.
SERVER = """
import sys
sys.path.insert(0, {folder!r})
from e2e.sandbox.images import warm
warm._PRELOAD = ()
warm.enter = lambda order: None
sys.exit(warm.main())
"""
ENTRY = """
import os, sys, time
def tell():
    print(os.getcwd(), sorted(os.environ), sys.argv[1:], os.getsid(0) == os.getpid())
    return 3
def leave(): sys.exit("a word")
def fail(): raise ValueError("a cause")
def last():
    print("up")
    time.sleep(1000)
"""


@pytest.fixture
async def starter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Starter]:
    monkeypatch.setattr(process_module, "command_line", lambda program: list(program.argv))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    (tmp_path / "server.py").write_text(SERVER.format(folder=str(tmp_path)))
    (tmp_path / "entry.py").write_text(ENTRY)
    made = Starter((sys.executable, str(tmp_path / "server.py")))
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await asyncio.wait([running])


def program(function: str) -> Program:
    env = {"PATH": os.environ["PATH"], "A": "1"}
    return Program(("sh", "-c", "echo cold"), env, "/", (), NETWORK, entry=f"entry:{function}", arguments=("x", "y"))


async def until_up(output: Path) -> None:
    def up() -> bool:
        return output.exists() and "up" in output.read_text()

    async with asyncio.timeout(10):
        while not up():  # noqa: ASYNC110 files signal nothing
            await asyncio.sleep(0.005)


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


@pytest.mark.parametrize(
    ("function", "code", "text"),
    [
        ("tell", 3, "/ ['A', 'PATH'] ['x', 'y'] True"),
        ("fail", 1, "ValueError: a cause"),
        ("leave", 1, ""),
        ("none", 1, "AttributeError"),
    ],
)
async def test_a_fork_is_like_a_fresh_process(
    starter: Starter, tmp_path: Path, function: str, code: int, text: str
) -> None:
    made = await starter.start(program(function), tmp_path / "log")
    assert await made.wait() == code
    assert text in (tmp_path / "log").read_text()


async def test_it_ends_by_signals_as_others_do(starter: Starter, tmp_path: Path) -> None:
    made = await starter.start(program("last"), tmp_path / "log")
    await until_up(tmp_path / "log")
    assert made.running
    await made.stop(Deadline(5))
    assert await made.wait() == 128 + signal.SIGTERM
    assert not made.running


async def test_many_at_once(starter: Starter, tmp_path: Path) -> None:
    logs = [tmp_path / f"log{number}" for number in range(30)]
    made = await asyncio.gather(*(starter.start(program("tell"), log) for log in logs))
    assert {await process.wait() for process in made} == {3}
    assert len({process.pid for process in made}) == 30


async def test_if_the_interpreter_dies_its_containers_end_and_another_is_started(
    starter: Starter, tmp_path: Path
) -> None:
    made = await starter.start(program("last"), tmp_path / "log")
    await until_up(tmp_path / "log")
    os.kill(parent_of(made.pid), signal.SIGKILL)
    async with asyncio.timeout(10):
        assert await made.wait() == 128 + signal.SIGKILL
        again = await starter.start(program("tell"), tmp_path / "again")
        assert await again.wait() == 3


async def test_without_an_interpreter_containers_start_from_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "command_line", lambda program: list(program.argv))
    starter = Starter(("false",))
    running = asyncio.create_task(starter.run())
    made = await starter.start(program("tell"), tmp_path / "log")
    assert await made.wait() == 0
    assert (tmp_path / "log").read_text() == "cold\n"
    running.cancel()
    await asyncio.wait([running])


async def test_a_pods_own_command_starts_from_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "command_line", lambda program: list(program.argv))
    own = Program(("sh", "-c", "exit 4"), {"PATH": os.environ["PATH"]}, "/", (), NETWORK)
    made = await Starter().start(own, tmp_path / "log")
    assert await made.wait() == 4
