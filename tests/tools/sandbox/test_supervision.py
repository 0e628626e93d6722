from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest

from e2e.sandbox import control, controlplane, gateway, monitoring, serving
from e2e.sandbox.bringup import bring_up, check_order
from e2e.sandbox.cluster import until
from e2e.sandbox.errors import NotRunningError, PartError
from e2e.sandbox.follow import print_log
from e2e.sandbox.layout import Layout
from e2e.sandbox.reaper import Reaper
from e2e.sandbox.service import Part, PartState, Service, Step, tail
from e2e.sandbox.state import Identity

if TYPE_CHECKING:
    from pathlib import Path


async def always() -> bool:
    return True


def part(folder: Path, script: str, *, name: str = "thing", ready: str = "", needs: tuple[str, ...] = ()) -> Part:
    async def marked() -> bool:
        return (folder / ready).exists()

    service = Service(name=name, command=("sh", "-c", script), ready=marked if ready else always, needs=needs)
    return Part(service, log=folder / f"{name}.log", cwd=folder, reaper=Reaper())


async def test_a_part_is_ready_when_it_says_so_and_gone_when_stopped(tmp_path: Path) -> None:
    subject = part(tmp_path, "touch up; exec sleep 60", ready="up")
    assert subject.state is PartState.WAITING
    await subject.start()
    assert subject.describe()["state"] == "ready"
    assert (tmp_path / "up").exists()
    pid = subject.pid
    assert pid is not None
    await subject.stop()
    assert (subject.describe()["state"], subject.pid) == ("stopped", None)
    assert Identity.of(pid) is None
    await subject.start()
    assert subject.describe()["state"] == "ready"
    await subject.stop()


async def test_a_part_that_ignores_the_request_to_end_is_ended(tmp_path: Path) -> None:
    subject = part(tmp_path, "trap '' TERM; touch up; while :; do sleep 0.1; done", ready="up")
    await subject.start()
    await subject.stop(grace_seconds=0.2)
    assert subject.pid is None


async def test_a_part_that_ends_at_once_fails_with_its_last_words(tmp_path: Path) -> None:
    subject = part(tmp_path, "echo no such flag >&2; exit 7", ready="never")
    with pytest.raises(PartError, match=r"thing ended by itself \(exit code 7\)[\s\S]*no such flag"):
        await subject.start()
    assert subject.state is PartState.FAILED


async def test_a_part_that_dies_later_is_failed_and_says_by_what(tmp_path: Path) -> None:
    subject = part(tmp_path, "echo working; touch up; exec sleep 60", ready="up")
    await subject.start()
    assert subject.pid is not None
    os.kill(subject.pid, signal.SIGKILL)

    async def failed() -> bool:
        return subject.state is PartState.FAILED

    await until(failed, what="the part is not seen to fail", seconds=5)
    assert "signal SIGKILL" in subject.detail
    assert "working" in subject.detail


async def test_a_part_that_never_gets_ready_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("e2e.sandbox.service.READY_SECONDS", 0.2)
    subject = part(tmp_path, "exec sleep 60", ready="never")
    with pytest.raises(PartError, match="thing did not become ready"):
        await subject.start()
    assert (subject.state, subject.pid) == (PartState.FAILED, None)


async def test_parts_start_when_what_they_need_is_ready(tmp_path: Path) -> None:
    order: list[str] = []

    async def note() -> None:
        order.append("step ran")

    items: list[Part | Step] = [
        part(tmp_path, "exec sleep 60", name="last", needs=("middle",)),
        Step("middle", note, needs=("first",)),
        part(tmp_path, "exec sleep 60", name="first"),
    ]
    await bring_up(items, on_ready=order.append)
    assert order == ["first", "step ran", "middle", "last"]
    for item in items:
        if isinstance(item, Part):
            await item.stop()


async def test_the_first_failure_ends_the_bring_up(tmp_path: Path) -> None:
    waiting = part(tmp_path, "exec sleep 60", name="waiting", needs=("bad",))
    bad = part(tmp_path, "exit 3", name="bad", ready="never")
    with pytest.raises(PartError, match="bad ended by itself"):
        await bring_up([waiting, bad], on_ready=lambda _: None)
    assert waiting.state is PartState.WAITING


@pytest.mark.parametrize(
    "needs",
    [
        pytest.param({"a": ("b",), "b": ("a",)}, id="a circle"),
        pytest.param({"a": ("absent",)}, id="an unknown need"),
    ],
)
def test_an_order_that_cannot_be_is_a_mistake_of_ours(needs: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match="wait for each other"):
        check_order(needs)


def test_all_rooms_declare_parts_by_a_function_of_one_name() -> None:
    for room in (controlplane, serving, gateway, monitoring):
        assert callable(room.services)


async def test_the_control_socket_answers_below_a_folder_with_a_very_long_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ("x" * 150)
    folder.mkdir()
    monkeypatch.chdir(folder)

    async def handle(command: str, name: str) -> dict[str, object]:
        if command == "stop":
            raise PartError(f"There is no part {name!r}.")
        return {"phase": "ready"}

    server = await control.listen("control.sock", handle)
    path = folder / "control.sock"
    assert await asyncio.to_thread(control.ask, path, "status") == {"phase": "ready"}
    with pytest.raises(PartError, match="no part 'x'"):
        await asyncio.to_thread(control.ask, path, "stop", "x")
    server.close()
    await server.wait_closed()
    with pytest.raises(NotRunningError):
        control.ask(path, "status")


def test_the_end_of_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = Layout(tmp_path)
    layout.logs.mkdir()
    layout.log("etcd").write_text("".join(f"line {number}\n" for number in range(100)))
    assert tail(layout.log("etcd"), 2) == ["line 98", "line 99"]
    assert tail(layout.log("absent")) == []
    print_log(layout, "etcd", lines=1, follow=False)
    assert capsys.readouterr().out == "line 99\n"
    with pytest.raises(Exception, match="there are: etcd"):
        print_log(layout, "../state", lines=0, follow=False)
