"""The process ends, with what ended it, in spite of tasks that do not."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys

import pytest

from serin.controller import ending


async def for_ever() -> None:
    await asyncio.Event().wait()


async def fails() -> None:
    raise LookupError("410")


async def returns() -> None:
    return


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "GRACE", 0.05)


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize(
    ("root", "running", "raised"),
    [
        pytest.param(fails, for_ever, LookupError, id="a watch failed and what is left does not end"),
        pytest.param(fails, returns, LookupError, id="a watch failed and all the rest ended"),
        pytest.param(for_ever, fails, LookupError, id="the whole failed"),
        pytest.param(returns, for_ever, None, id="asked to stop and what is left does not end"),
        pytest.param(returns, returns, None, id="asked to stop and all ended"),
    ],
)
async def test_the_end_of_the_event_sources(root: object, running: object, raised: type[Exception] | None) -> None:
    tasks = [asyncio.create_task(each()) for each in (running, root, for_ever)]  # type: ignore[operator]
    try:
        with pytest.raises(raised) if raised else contextlib.nullcontext():
            await asyncio.wait_for(ending.end_of(tasks[0], tasks[1:]), 10)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


STUBBORN = """
import asyncio, contextlib, sys
from serin.controller import ending
from serin.errors import NotLeader

ending.LAST_GRACE = 0.05

async def begins_again():
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

async def work():
    asyncio.get_running_loop().kept = asyncio.create_task(begins_again(), name="stubborn")
    await asyncio.sleep(0)
    {last}

sys.exit(ending.run_to_the_end(work()))
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
