"""The process ends, with what ended it, in spite of tasks that do not."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys

import pytest

from serin.controller import shutdown


async def for_ever() -> None:
    await asyncio.Event().wait()


async def fails() -> None:
    raise LookupError("410")


async def returns() -> None:
    return


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutdown, "GRACE", 0.05)


async def begins_again() -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    await asyncio.Event().wait()


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize(
    ("first", "other", "raised"),
    [
        pytest.param(fails, for_ever, LookupError, id="a watch failed"),
        pytest.param(fails, begins_again, LookupError, id="a watch failed and another begins again"),
        pytest.param(for_ever, fails, LookupError, id="the second one failed"),
        pytest.param(returns, for_ever, None, id="asked to stop"),
        pytest.param(returns, begins_again, None, id="asked to stop and one begins again"),
    ],
)
async def test_the_end_of_the_event_sources(first: object, other: object, raised: type[Exception] | None) -> None:
    tasks = [asyncio.create_task(each()) for each in (first, other, for_ever)]  # type: ignore[operator]
    try:
        with pytest.raises(raised) if raised else contextlib.nullcontext():
            await asyncio.wait_for(shutdown.wait_for_event_sources(tasks), 10)
        assert all(task.done() for task in tasks) or other is begins_again
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_nothing_else_is_waited_for() -> None:
    """kopf's own way out gives every task that it does not know five seconds: the lease would stay taken."""
    stranger, root = asyncio.create_task(for_ever()), asyncio.create_task(returns())
    await asyncio.wait_for(shutdown.wait_for_event_sources([root]), shutdown.GRACE / 2)
    assert not stranger.done()
    stranger.cancel()


async def test_whoever_waits_takes_the_event_sources_along() -> None:
    root = asyncio.create_task(for_ever())
    waiting = asyncio.create_task(shutdown.wait_for_event_sources([root]))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({root, waiting}, timeout=10)
    assert root.cancelled()


STUBBORN = """
import asyncio, contextlib, sys
from serin.controller import shutdown
from serin.errors import NotLeader

shutdown.LAST_GRACE = 0.05

async def begins_again():
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

async def work():
    asyncio.get_running_loop().kept = asyncio.create_task(begins_again(), name="stubborn")
    await asyncio.sleep(0)
    {last}

shutdown.run_and_exit(work())
"""


@pytest.mark.parametrize(
    ("last", "code"),
    [("pass", 0), ("raise LookupError('410')", 1), ("raise NotLeader('gone')", 3)],
)
def test_a_task_that_begins_again_keeps_no_process(last: str, code: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", STUBBORN.format(last=last)], capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == code
    assert "stubborn" in ended.stdout + ended.stderr


THREAD = """
import asyncio, threading
from serin.controller import shutdown

async def work():
    asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)
    await asyncio.sleep(0.01)

shutdown.LAST_GRACE = 0.05
shutdown.run_and_exit(work())
"""


def test_a_thread_that_waits_for_ever_keeps_no_process() -> None:
    ended = subprocess.run([sys.executable, "-c", THREAD], timeout=30, check=False)
    assert ended.returncode == 0


SIGNALLED = """
import os, runpy, signal, sys, time, types

class Slow(types.ModuleType):
    def __getattr__(self, name):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(30)

sys.modules["serin.controller.process"] = Slow("serin.controller.process")
runpy.run_module("serin", run_name="__main__")
"""


def test_a_signal_while_it_still_imports_ends_it() -> None:
    """Not by the kernel's default, which spares a container's first process."""
    ended = subprocess.run([sys.executable, "-c", SIGNALLED], timeout=25, check=False)
    assert ended.returncode == 0


async def test_a_second_signal_changes_nothing() -> None:
    stop = asyncio.Event()
    shutdown.install_signal_handlers(stop)
    try:
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
            signal.raise_signal(number)
        await asyncio.wait_for(stop.wait(), 10)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)
