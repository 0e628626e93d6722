"""How are several things done at the same time? All of them are over when it returns, however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def together(*work: Coroutine[Any, Any, T]) -> list[T]:
    """Runs all at once and returns their results in order.

    If one fails the others are cancelled and waited for, and its error is raised as it is: not in a group, whose class
    says nothing to a caller. ``TaskGroup`` also leaves the caller's count of cancellations raised (before Python 3.13).
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
