from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.sandbox.node import process as module
from e2e.sandbox.node.deadline import Deadline
from e2e.sandbox.node.network import PodNetwork
from e2e.sandbox.node.process import Mount, Process, Program, StartError, command_line, mount_script, start_program

if TYPE_CHECKING:
    from collections.abc import Callable

NETWORK = PodNetwork("127.0.0.1", netns="serin-pod-1", link="veth1")


def program(*argv: str, mounts: tuple[Mount, ...] = ()) -> Program:
    return Program(argv, {"PATH": os.environ["PATH"]}, "/", mounts, NETWORK)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without namespaces, which a test has no right to make."""
    monkeypatch.setattr(module, "command_line", lambda program: list(program.argv))


async def started(tmp_path: Path, script: str) -> Process:
    """Start a shell script and wait until it says that it is there."""
    output = tmp_path / "log"
    process = await start_program(program("sh", "-c", script), output)
    await until(lambda: "up" in output.read_text())
    return process


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 files and processes signal nothing
            await asyncio.sleep(0.005)


def test_a_container_enters_its_pods_network_first() -> None:
    words = command_line(program("sleep", "1"))
    assert words[:2] == ["nsenter", "--net=/run/netns/serin-pod-1"]
    assert words[-2:] == ["sleep", "1"]


def test_mounts_are_quoted_made_and_sealed(tmp_path: Path) -> None:
    folder = tmp_path / "with blank"
    folder.mkdir()
    file = tmp_path / "hosts"
    file.touch()
    script = mount_script(
        program(
            "x", mounts=(Mount(file, "/etc/hosts"), Mount(folder, "/mnt/models", read_only=True), Mount(file, "/mnt/f"))
        )
    )
    assert f"mkdir -p /mnt/models\nmount --bind '{folder}' /mnt/models" in script
    assert "mount -o remount,bind,ro /mnt/models" in script
    assert "touch /etc/hosts" not in script
    assert "touch /mnt/f" in script
    assert script.index("mount -t tmpfs tmpfs /mnt") < script.index("/mnt/models")


def test_a_new_folder_of_the_root_is_made_in_a_root_of_the_containers_own(tmp_path: Path) -> None:
    """The machine's own `/` stays as it is, and all that is in it is there."""
    asked = program("x", "--y", mounts=(Mount(tmp_path, "/etc"), Mount(tmp_path, "/no-such-folder/certs")))
    script = mount_script(asked)
    for before, after in (
        ("mount -t tmpfs tmpfs /mnt\n", "mount --rbind"),
        ("mount --rbind", f"mount --bind {tmp_path} /mnt/etc"),
        ("mount -t tmpfs tmpfs /mnt/run", f"mkdir -p /mnt/no-such-folder/certs\nmount --bind {tmp_path}"),
    ):
        assert script.index(before) < script.index(after)
    words = command_line(asked)
    assert "exec chroot /mnt sh -c" in words[-4]
    assert words[-3:] == ["sh", "x", "--y"]
    assert "chroot" not in command_line(program("x", mounts=(Mount(tmp_path, "/etc"),)))[-3]


async def test_a_program_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(StartError, match='exec: "no-such-program"'):
        await start_program(program("no-such-program"), tmp_path / "log")


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    ("script", "code"), [("exit 3", 3), ("exit 0", 0), ("kill -9 $$", 137), ("kill -TERM $$", 143)]
)
async def test_exit_codes(tmp_path: Path, script: str, code: int) -> None:
    process = await start_program(program("sh", "-c", script), tmp_path / "log")
    assert await process.wait() == code


@pytest.mark.usefixtures("plain")
async def test_it_may_end_in_order(tmp_path: Path) -> None:
    process = await started(tmp_path, 'trap "echo bye; exit 5" TERM; echo up; while :; do sleep 0.01; done')
    await process.stop(Deadline(5))
    assert await process.wait() == 5
    assert "bye" in (tmp_path / "log").read_text()


@pytest.mark.usefixtures("plain")
async def test_it_is_killed_at_the_deadline(tmp_path: Path) -> None:
    process = await started(tmp_path, 'trap "" TERM; echo up; while :; do sleep 0.01; done')
    await process.stop(Deadline(0.05))
    assert await process.wait() == 128 + signal.SIGKILL


@pytest.mark.usefixtures("plain")
async def test_its_children_end_with_it(tmp_path: Path) -> None:
    process = await started(tmp_path, "sleep 1000 & echo child=$! up; exit 0")
    await process.wait()
    child = int((tmp_path / "log").read_text().split("child=")[1].split()[0])
    await until(lambda: not Path(f"/proc/{child}").exists() or " Z " in Path(f"/proc/{child}/stat").read_text())
