"""When does this replica act? Waiting for the lease, holding it while working, giving it back on the way out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import uuid
from collections.abc import AsyncIterator, Coroutine
from datetime import timedelta
from typing import Any

from serin.cluster.lease import Elector, LeaseName, LeaseStore, LeaseTimes
from serin.controller.metrics import LEADING

DEADLINE_SHARE, RETRY_SHARE = 2 / 3, 2 / 15
"""Of the lease's duration, as client-go's 15, 10 and 2 seconds."""


def elector_for(store: LeaseStore, lease: tuple[str, str], duration: timedelta) -> Elector:
    """The elector of this process; its identity is unique to this start of it."""
    seconds = duration.total_seconds()
    identity = f"{socket.gethostname()}_{os.getpid()}_{uuid.uuid4().hex[:8]}"
    times = LeaseTimes(seconds, seconds * DEADLINE_SHARE, seconds * RETRY_SHARE)
    return Elector(store, LeaseName(*lease, identity), times)


async def until_stopped(work: Coroutine[Any, Any, None]) -> bool:
    """Runs ``work`` until it is done (True) or a signal asks the process to stop (False)."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    tasks = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            tasks[0].result()
        return tasks[0].done()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@contextlib.asynccontextmanager
async def leading(elector: Elector | None) -> AsyncIterator[asyncio.Event]:
    """Holds the lease while the block runs; the event says that it is lost. ``NotLeader`` after the block if it was.

    Without an elector this process is the only one and never loses anything.
    """
    lost = asyncio.Event()
    LEADING.set(1)
    if elector is None:
        yield lost
        return
    holding = asyncio.create_task(elector.hold())

    def no_longer(_: asyncio.Task[None]) -> None:
        LEADING.set(0)
        lost.set()

    holding.add_done_callback(no_longer)
    try:
        yield lost
    finally:
        if holding.done():
            holding.result()
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)
        await elector.release()
