"""All metrics as text, for whoever asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from prometheus_client import generate_latest

from serin.controller.metrics.metric import REGISTRY

EXPOSITION_KEPT = 1.0
"""Seconds."""


class Exposition:
    """All metrics in the Prometheus text format, rendered in a thread and kept for ``EXPOSITION_KEPT``.

    Whoever reaches the port may ask as often as they like: it costs the reconcile loop nothing but the answer's bytes.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, asyncio.Lock()
        self._text, self._at = b"", -EXPOSITION_KEPT

    async def text(self) -> bytes:
        """The text, at most ``EXPOSITION_KEPT`` old."""
        async with self._lock:  # one is rendered at a time, and those that wait get the same
            if self._clock() - self._at >= EXPOSITION_KEPT:
                self._text = await asyncio.to_thread(generate_latest, REGISTRY)
                self._at = self._clock()
            return self._text
