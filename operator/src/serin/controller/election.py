"""Leader election in the life of the process: wait for the lease, hold it while working, release it at exit."""

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
from serin.controller.metrics.process import LEADING

DEADLINE_SHARE, RETRY_SHARE = 2 / 3, 2 / 15
"""Shares of the lease's duration, in the proportions of client-go's 15, 10 and 2 seconds."""


def elector_for(store: LeaseStore, lease: tuple[str, str], duration: timedelta) -> Elector:
    """The elector of this process; its identity differs after each start."""
    seconds = duration.total_seconds()
    identity = f"{socket.gethostname()}_{os.getpid()}_{uuid.uuid4().hex[:8]}"
    times = LeaseTimes(seconds, seconds * DEADLINE_SHARE, seconds * RETRY_SHARE)
    return Elector(store, LeaseName(*lease, identity), times)


async def completed_before_stop(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Runs ``work`` until it ends or ``stop`` is set; returns False if ``stop`` is set, even if both happened."""
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
    """Releases the lease after the block, if this replica holds it; does nothing without an elector."""
    try:
        yield
    finally:
        if elector is not None:
            await elector.release()


@contextlib.asynccontextmanager
async def leading(elector: Elector | None, stop: asyncio.Event) -> AsyncIterator[None]:
    """Holds the lease during the block. If it is lost, sets ``stop``, and raises ``NotLeader`` after the block.

    Without an elector this process is the only replica, and always leads.
    """
    LEADING.set(1)
    if elector is None:
        yield
        return
    holding = asyncio.create_task(elector.hold())

    def on_lost(_: asyncio.Task[None]) -> None:
        LEADING.set(0)
        stop.set()

    holding.add_done_callback(on_lost)
    try:
        yield
    finally:
        if holding.done():
            holding.result()
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)
