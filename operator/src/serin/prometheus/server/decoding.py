"""Limits how many answers are decoded at a time: two small ones, and one large one of all servers.

Decoded, an answer takes ten times its size, so this bounds the memory. The wait for others is Serin's own time: the
limit on a query does not include it. It always ends: at most as many answers wait as there are slots for queries.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Semaphore
from typing import TypeVar

from serin.prometheus.server.answer import Answer

T = TypeVar("T")
LARGE = 1024 * 1024
"""Bytes: decoding takes ten times as much memory, and a tenth of a second."""
_LARGE_SLOT = Semaphore(1)
_SMALL_SLOTS = Semaphore(2)


def decode_limited(decode: Callable[[Answer], T], answer: Answer) -> T:
    """What ``decode`` makes of an answer. It may wait for others: to be called in a thread, never in the event loop."""
    with _LARGE_SLOT if answer.is_whole and len(answer.body) >= LARGE else _SMALL_SLOTS:
        return decode(answer)
