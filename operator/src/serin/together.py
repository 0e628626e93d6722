"""Runs several coroutines concurrently. All of them have ended when it returns or raises."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def together(*work: Coroutine[Any, Any, T]) -> list[T]:
    """Runs ``work`` concurrently and returns the results in order.

    If one fails, the others are cancelled and awaited, and its error is raised itself, not in an ``ExceptionGroup``,
    so that callers can catch its class. ``TaskGroup`` also leaves the caller's cancellation count raised (before
    Python 3.13).
    """
    tasks = [asyncio.create_task(one) for one in work]
    try:
        if tasks:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if not task.cancelled():
            task.result()
    return [task.result() for task in tasks]
