"""How many answers become samples at a time? Few small ones, and one large one of all servers: memory is bounded.

Whoever waits for a turn has got the server's answer: that time is this process's own, and no limit on a query holds for
it. It ends by itself, as there are never more answers than places to ask.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from serin.prometheus.server.answer import Answer

T = TypeVar("T")
LARGE = 1024 * 1024
"""Bytes: reading takes ten times as much memory, and a tenth of a second."""
_LARGE = ThreadPoolExecutor(1, thread_name_prefix="reading-large")
_SMALL = ThreadPoolExecutor(2, thread_name_prefix="reading-small")


async def decode_off_loop(read: Callable[[Answer], T], answer: Answer) -> T:
    """What ``read`` makes of an answer, in a thread: a large one would hold up everything else."""
    pool = _LARGE if answer.is_whole and len(answer.body) >= LARGE else _SMALL
    return await asyncio.get_running_loop().run_in_executor(pool, read, answer)
