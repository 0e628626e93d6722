"""How does the process end? Always and in bounded time, whatever its tasks and threads do.

A task of kopf's may swallow its cancellation and begin again: a watcher that is between two tries when another one
fails. Whoever waits for it waits for ever, with the lease in hand and without an event.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Collection, Coroutine
from typing import Any, NoReturn

import structlog

from serin.errors import NotLeader

log = structlog.get_logger()
GRACE = 3.0
"""Seconds; kopf gives what it has read, but not yet handed on, 2 before it ends."""
LAST_GRACE = 2.0
FAILED, LOST_THE_LEASE = 1, 3


def install_signal_handlers(stop: asyncio.Event) -> None:
    """SIGTERM and SIGINT set ``stop`` from now on; a second one changes nothing."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


async def wait_for_event_sources(roots: Collection[asyncio.Task[None]]) -> None:
    """Waits until one of kopf's root tasks ends, ends the others, and returns ``GRACE`` later at the latest.

    Raises what one of them raised: the end of an event source is never silent. kopf's own ``run_tasks`` would then
    wait another 5 s for every task it does not know, our workers among them, with the lease still in hand.
    """
    try:
        await asyncio.wait(roots, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for root in roots:
            root.cancel()
    _, left = await asyncio.wait(roots, timeout=GRACE)
    if left:
        log.error("event sources do not end", seconds=GRACE, tasks=sorted(task.get_name() for task in left))
    for root in roots:
        if root.done() and not root.cancelled():
            root.result()


def run_and_exit(work: Coroutine[Any, Any, None]) -> NoReturn:
    """Runs ``work`` and ends the process with the exit code that stands for what came of it."""
    asyncio.run(_to_the_end(work))
    raise AssertionError  # the process has ended


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    code = await _outcome(work)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        _, left = await asyncio.wait(left, timeout=LAST_GRACE)
    if left:
        log.error("ended in spite of tasks that do not", tasks=sorted(task.get_name() for task in left))
    # Neither asyncio.run nor the interpreter may wait: for such a task, or for a thread that asks a dead name server.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


async def _outcome(work: Coroutine[Any, Any, None]) -> int:
    try:
        await work
    except NotLeader as error:
        log.error("stopped", error=str(error))  # noqa: TRY400 - expected: the words suffice
        return LOST_THE_LEASE
    except Exception:
        log.exception("stopped")
        return FAILED
    return 0
