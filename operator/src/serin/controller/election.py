"""When does this replica act? Waiting for the lease, holding it while working, giving it back on the way out."""

from __future__ import annotations

import asyncio
import contextlib
import os
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


async def completed_before_stop(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Runs ``work`` until it is done, or until ``stop`` is set; False if it is, also if both are."""
    tasks = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            tasks[0].result()
        return not stop.is_set()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def released_on_exit(elector: Elector | None) -> AsyncIterator[None]:
    """Whoever stands for the lease, and may have got it, gives it back after the block; without an elector nothing."""
    try:
        yield
    finally:
        if elector is not None:
            await elector.release()


@contextlib.asynccontextmanager
async def leading(elector: Elector | None, stop: asyncio.Event) -> AsyncIterator[None]:
    """Holds the lease while the block runs; ``stop`` is set when it is lost, and ``NotLeader`` raised after the block.

    Without an elector this process is the only one and never loses anything.
    """
    LEADING.set(1)
    if elector is None:
        yield
        return
    holding = asyncio.create_task(elector.hold())

    def no_longer(_: asyncio.Task[None]) -> None:
        LEADING.set(0)
        stop.set()

    holding.add_done_callback(no_longer)
    try:
        yield
    finally:
        if holding.done():
            holding.result()
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)
