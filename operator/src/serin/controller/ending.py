"""How does the process end? Always and in bounded time, whatever its tasks do.

A task of kopf's may swallow its cancellation and begin again: a watcher that is between two tries when another one
fails. Whoever waits for it waits for ever, with the lease in hand and without an event.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Coroutine
from typing import Any

import structlog

from serin.errors import NotLeader

log = structlog.get_logger()
GRACE = 6.0
"""Seconds; kopf itself waits for 5 before it cancels what its root tasks have left behind."""
LAST_GRACE = 3.0
FAILED, LOST_THE_LEASE = 1, 3


async def end_of(running: asyncio.Task[None], roots: Collection[asyncio.Task[None]]) -> None:
    """Returns when ``running`` has ended, or at the latest ``GRACE`` after the first of its root tasks.

    Raises what that task raised: the end of an event source is never silent.
    """
    await asyncio.wait({running, *roots}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait({running}, timeout=GRACE)
    if not running.done():
        log.error("event sources do not end", seconds=GRACE)
    for task in (running, *roots):
        if task.done() and not task.cancelled():
            task.result()


def run_to_the_end(work: Coroutine[Any, Any, None]) -> int:
    """The process's exit code, when ``work`` is done and no task is left; the process ends here if one is."""
    return asyncio.run(_to_the_end(work))


async def _to_the_end(work: Coroutine[Any, Any, None]) -> int:
    code = await _outcome(work)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        _, left = await asyncio.wait(left, timeout=LAST_GRACE)
    if left:
        log.error("ended in spite of tasks that do not", tasks=sorted(task.get_name() for task in left))
        os._exit(code)  # asyncio.run would wait for them
    return code


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
