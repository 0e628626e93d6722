"""Limits how many answers are decoded at a time: two small ones, and one large one of all servers.

Decoded, an answer takes ten times its size, so this bounds the memory. The wait for a turn is Serin's own time and is
not part of the limit on a query. It always ends: at most as many answers wait as there are slots for queries.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Semaphore
from typing import TypeVar

from serin.prometheus.server.answer import Answer

T = TypeVar("T")
LARGE = 1024 * 1024
"""Bytes: decoding takes ten times as much memory, and a tenth of a second."""
_LARGE_TURNS = Semaphore(1)
_SMALL_TURNS = Semaphore(2)


def decode_in_turn(decode: Callable[[Answer], T], answer: Answer) -> T:
    """What ``decode`` makes of an answer. It may wait for others: to be called in a thread, never in the event loop."""
    with _LARGE_TURNS if answer.is_whole and len(answer.body) >= LARGE else _SMALL_TURNS:
        return decode(answer)
