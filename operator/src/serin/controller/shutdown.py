"""Ends the process in bounded time, even if tasks or threads do not end.

A watcher task of kopf may ignore its cancellation while it waits for a retry. A process that awaited it would keep the
lease, and get no event.
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
"""Seconds that kopf's tasks have to end; kopf itself takes 2 to deliver the events that it has read."""
LAST_GRACE = 2.0
"""Seconds that all other tasks have to end."""
FAILED, LOST_THE_LEASE = 1, 3


def install_signal_handlers(stop: asyncio.Event) -> None:
    """Makes SIGTERM and SIGINT set ``stop``; a second signal has no further effect."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


async def wait_for_event_sources(roots: Collection[asyncio.Task[None]]) -> None:
    """Waits until one of kopf's root tasks ends, cancels the others and waits at most ``GRACE`` for them.

    Raises the error of a task. kopf's own ``run_tasks`` is not used: it would wait another 5 s for every task that it
    does not know, such as the workers, while this replica holds the lease.
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
    """Runs ``work`` and exits the process with the exit code for its result."""
    asyncio.run(_run(work))
    raise AssertionError  # the process has ended


async def _run(work: Coroutine[Any, Any, None]) -> None:
    code = await _exit_code(work)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        _, left = await asyncio.wait(left, timeout=LAST_GRACE)
    if left:
        log.error("ended in spite of tasks that do not", tasks=sorted(task.get_name() for task in left))
    # asyncio.run and the interpreter would wait for such a task, or for a thread that resolves a name.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


async def _exit_code(work: Coroutine[Any, Any, None]) -> int:
    try:
        await work
    except NotLeader as error:
        log.error("stopped", error=str(error))  # noqa: TRY400 - expected: no traceback needed
        return LOST_THE_LEASE
    except Exception:
        log.exception("stopped")
        return FAILED
    return 0
